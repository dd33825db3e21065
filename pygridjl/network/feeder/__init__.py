"""Three-phase feeders: data model, validation, tables and the OpenDSS reader."""

from pygridjl.network.feeder.components import (
    PHASES,
    Capacitors,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
)
from pygridjl.network.feeder.loading import list_feeders, load_feeder
from pygridjl.network.feeder.model import Feeder
from pygridjl.network.feeder.tables import save_feeder
from pygridjl.network.feeder.tables_read import read_feeder
from pygridjl.network.feeder.topology import RadialTree
from pygridjl.network.feeder.validation import assert_valid_feeder, validate_feeder

__all__ = [
    "PHASES",
    "Capacitors",
    "Feeder",
    "FeederBranches",
    "FeederBuses",
    "FeederGenerators",
    "FeederLoads",
    "RadialTree",
    "assert_valid_feeder",
    "list_feeders",
    "load_feeder",
    "read_feeder",
    "save_feeder",
    "validate_feeder",
]
