"""Grids: data models, their checks, views, files and bundled cases.

Names are imported on first use: readers load their libraries, this package does not.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
