"""Circuit balancing: which service point sits on which circuit, under stochastic deviations.

Names are imported on first use: methods load their solvers, this package does not.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
