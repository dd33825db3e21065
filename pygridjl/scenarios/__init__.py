"""Scenarios of load and sun: the set itself, how it is made, read and written."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
