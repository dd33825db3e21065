"""Studies: grids of tasks whose rows are stored one by one, and what they say together.

Names are imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
