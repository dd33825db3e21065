"""``python -m pygridjl`` is the command line."""

from pygridjl.cli import main

main()
