"""Two-stage stochastic siting and sizing of distributed generation.

Names are imported on first use: methods and engines load their solvers, this package does not.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
