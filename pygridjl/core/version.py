"""The version, written once: in the distribution's metadata."""

from importlib import metadata

__all__ = ["__version__"]

__version__ = metadata.version("pygridjl")
