from .cases.feeder_loading import list_feeders as list_feeders
from .cases.feeder_loading import load_feeder as load_feeder
from .feeder import Feeder as Feeder
from .feeder_checks import (
    assert_valid_feeder as assert_valid_feeder,
)
from .feeder_checks import (
    validate_feeder as validate_feeder,
)
from .feeder_tables import (
    PHASES as PHASES,
)
from .feeder_tables import (
    Capacitors as Capacitors,
)
from .feeder_tables import (
    FeederBranches as FeederBranches,
)
from .feeder_tables import (
    FeederBuses as FeederBuses,
)
from .feeder_tables import (
    FeederGenerators as FeederGenerators,
)
from .feeder_tables import (
    FeederLoads as FeederLoads,
)
from .io.feeder_folder import save_feeder as save_feeder
from .io.feeder_folder_read import read_feeder as read_feeder
from .network import (
    Branches as Branches,
)
from .network import (
    Buses as Buses,
)
from .network import (
    Generators as Generators,
)
from .network import (
    Loads as Loads,
)
from .network import (
    Network as Network,
)
from .network_checks import (
    Finding as Finding,
)
from .network_checks import (
    assert_valid as assert_valid,
)
from .network_checks import (
    validate as validate,
)
from .radial_tree import RadialTree as RadialTree
