"""pygridjl: power-grid optimisation with proven bounds.

Names are imported on first use, so that ``import pygridjl`` is quick and never starts Julia.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
