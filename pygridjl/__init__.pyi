from .balancing.result import BalancingResult as BalancingResult
from .balancing.solve import balance as balance
from .core.errors import (
    CaseNotFoundError as CaseNotFoundError,
    InvalidBalancingError as InvalidBalancingError,
    InvalidNetworkError as InvalidNetworkError,
    InvalidOptionError as InvalidOptionError,
    NetworkFormatError as NetworkFormatError,
    PyGridJLError as PyGridJLError,
    UnservedNodesError as UnservedNodesError,
)
from .core.findings import Finding as Finding
from .core.result import Status as Status
from .grid.cases.catalogue import (
    CaseInfo as CaseInfo,
    get_case as get_case,
    list_cases as list_cases,
    load_network as load_network,
)
from .grid.cases.feeder_loading import (
    list_feeders as list_feeders,
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
    Buses as Buses,
    Generators as Generators,
    Loads as Loads,
    Network as Network,
)
from .grid.network_checks import (
    assert_valid as assert_valid,
    validate as validate,
)
from .grid.views import to_frames as to_frames, to_networkx as to_networkx
from .optimal_flow.linearisation.result import (
    Linearisation as Linearisation,
    read_point as read_point,
    save_point as save_point,
)
from .optimal_flow.linearisation.solve import linearize as linearize
from .optimal_flow.relaxation.result import RelaxationResult as RelaxationResult
from .optimal_flow.relaxation.solve import relax as relax
from .optimal_flow.result import OpfResult as OpfResult
from .optimal_flow.solve import opf as opf
from .reconfiguration.check import (
    CheckReport as CheckReport,
    check_configuration as check_configuration,
)
from .reconfiguration.result import ReconfigurationResult as ReconfigurationResult
from .reconfiguration.solve import reconfigure as reconfigure
from .scenarios.generate import generate_scenarios as generate_scenarios
from .scenarios.model import ScenarioSet as ScenarioSet
from .siting.problem import PlanningProblem as PlanningProblem
from .siting.result import SitingResult as SitingResult
from .siting.solve import site as site
