from .cases.catalogue import list_cases as list_cases, list_feeders as list_feeders
from .conductors import with_standard_ratings as with_standard_ratings
from .feeder import Feeder as Feeder
from .feeder_checks import (
    assert_valid_feeder as assert_valid_feeder,
    validate_feeder as validate_feeder,
)
from .feeder_tables import (
    PHASES as PHASES,
    Capacitors as Capacitors,
    FeederBranches as FeederBranches,
    FeederBuses as FeederBuses,
    FeederGenerators as FeederGenerators,
    FeederLoads as FeederLoads,
)
from .io import read_feeder as read_feeder, read_network as read_network
from .io.write import save_feeder as save_feeder
from .load import load_feeder as load_feeder, load_network as load_network
from .network import (
    Branches as Branches,
    Buses as Buses,
    Generators as Generators,
    Loads as Loads,
    Network as Network,
)
from .network_checks import (
    assert_valid as assert_valid,
    validate as validate,
)
from .radial_tree import RadialTree as RadialTree
