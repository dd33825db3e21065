from .core.errors import (
    CaseNotFoundError as CaseNotFoundError,
)
from .core.errors import (
    InvalidNetworkError as InvalidNetworkError,
)
from .core.errors import (
    InvalidOptionError as InvalidOptionError,
)
from .core.errors import (
    NetworkFormatError as NetworkFormatError,
)
from .core.errors import (
    PyGridJLError as PyGridJLError,
)
from .core.errors import (
    UnservedNodesError as UnservedNodesError,
)
from .core.result import Status as Status
from .grid.cases.catalogue import (
    CaseInfo as CaseInfo,
)
from .grid.cases.catalogue import (
    get_case as get_case,
)
from .grid.cases.catalogue import (
    list_cases as list_cases,
)
from .grid.cases.catalogue import (
    load_network as load_network,
)
from .grid.cases.feeder_loading import (
    list_feeders as list_feeders,
)
from .grid.cases.feeder_loading import (
    load_feeder as load_feeder,
)
from .grid.cases.generators.feeder_like import feeder_like as feeder_like
from .grid.cases.generators.small_world import watts_strogatz as watts_strogatz
from .grid.feeder import Feeder as Feeder
from .grid.feeder_checks import validate_feeder as validate_feeder
from .grid.io.feeder_folder import save_feeder as save_feeder
from .grid.io.pandapower.net import from_pandapower as from_pandapower
from .grid.io.write import save_network as save_network
from .grid.network import (
    Branches as Branches,
)
from .grid.network import (
    Buses as Buses,
)
from .grid.network import (
    Generators as Generators,
)
from .grid.network import (
    Loads as Loads,
)
from .grid.network import (
    Network as Network,
)
from .grid.network_checks import (
    Finding as Finding,
)
from .grid.network_checks import (
    assert_valid as assert_valid,
)
from .grid.network_checks import (
    validate as validate,
)
from .grid.views import to_frames as to_frames
from .grid.views import to_networkx as to_networkx
from .optimal_flow.result import OpfResult as OpfResult
from .optimal_flow.solve import opf as opf
from .reconfiguration.check import (
    CheckReport as CheckReport,
)
from .reconfiguration.check import (
    check_configuration as check_configuration,
)
from .reconfiguration.result import ReconfigurationResult as ReconfigurationResult
from .reconfiguration.solve import reconfigure as reconfigure
from .scenarios.generate import generate_scenarios as generate_scenarios
from .scenarios.model import ScenarioSet as ScenarioSet
from .siting.problem import PlanningProblem as PlanningProblem
from .siting.result import SitingResult as SitingResult
from .siting.solve import site as site
