from . import (
    balancing as balancing,
    bridge as bridge,
    core as core,
    grid as grid,
    optimal_flow as optimal_flow,
    powerflow as powerflow,
    reconfiguration as reconfiguration,
    report as report,
    scenarios as scenarios,
    siting as siting,
    study as study,
)
from .balancing.result import BalancingResult as BalancingResult
from .balancing.solve import balance as balance
from .bridge.errors import (
    JuliaBridgeError as JuliaBridgeError,
    JuliaForkError as JuliaForkError,
    JuliaNotFoundError as JuliaNotFoundError,
    JuliaPackageError as JuliaPackageError,
    JuliaSolveError as JuliaSolveError,
    JuliaSolverMissingError as JuliaSolverMissingError,
)
from .core.errors import (
    CaseNotFoundError as CaseNotFoundError,
    InfeasibleConfigurationError as InfeasibleConfigurationError,
    InvalidBalancingError as InvalidBalancingError,
    InvalidNetworkError as InvalidNetworkError,
    InvalidOptionError as InvalidOptionError,
    InvalidPlanningError as InvalidPlanningError,
    InvalidScenariosError as InvalidScenariosError,
    NetworkFormatError as NetworkFormatError,
    OutputError as OutputError,
    PowerFlowError as PowerFlowError,
    PyGridJLError as PyGridJLError,
    PyGridJLWarning as PyGridJLWarning,
    SolverError as SolverError,
    UnservedNodesError as UnservedNodesError,
)
from .core.findings import Finding as Finding
from .core.result import Result as Result, Status as Status
from .core.version import __version__ as __version__
from .grid.balanced import balanced_feeder as balanced_feeder
from .grid.cases.catalogue import (
    CaseInfo as CaseInfo,
    FeederInfo as FeederInfo,
    get_case as get_case,
    list_cases as list_cases,
    list_feeders as list_feeders,
)
from .grid.cases.generators.feeder_like import feeder_like as feeder_like
from .grid.cases.generators.small_world import watts_strogatz as watts_strogatz
from .grid.feeder import Feeder as Feeder
from .grid.feeder_checks import validate_feeder as validate_feeder
from .grid.io.pandapower.net import from_pandapower as from_pandapower
from .grid.io.pandapower.write import to_pandapower as to_pandapower
from .grid.io.write import save_feeder as save_feeder, save_network as save_network
from .grid.load import load_feeder as load_feeder, load_network as load_network
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
from .optimal_flow.result import FeederOpfResult as FeederOpfResult, OpfResult as OpfResult
from .optimal_flow.solve import opf as opf
from .powerflow.result import PowerFlowResult as PowerFlowResult
from .powerflow.run import power_flow as power_flow
from .reconfiguration.check import (
    CheckReport as CheckReport,
    check_configuration as check_configuration,
)
from .reconfiguration.restoration.result import RestorationResult as RestorationResult
from .reconfiguration.restoration.solve import restore as restore
from .reconfiguration.result import (
    FeederReconfigurationResult as FeederReconfigurationResult,
    ReconfigurationResult as ReconfigurationResult,
)
from .reconfiguration.schedule.result import ScheduleResult as ScheduleResult
from .reconfiguration.schedule.solve import schedule as schedule
from .reconfiguration.sequence import (
    SwitchingSequence as SwitchingSequence,
    SwitchingStep as SwitchingStep,
    switching_sequence as switching_sequence,
)
from .reconfiguration.solve import reconfigure as reconfigure
from .scenarios.generate import generate_scenarios as generate_scenarios
from .scenarios.load_states import (
    LoadStates as LoadStates,
    load_states as load_states,
    read_load_states as read_load_states,
)
from .scenarios.model import ScenarioSet as ScenarioSet
from .siting.expansion.result import ExpansionResult as ExpansionResult
from .siting.expansion.solve import expansion_plan as expansion_plan
from .siting.hosting.result import HostingResult as HostingResult
from .siting.hosting.solve import hosting_capacity as hosting_capacity
from .siting.problem import PlanningProblem as PlanningProblem
from .siting.result import SitingResult as SitingResult
from .siting.solve import site as site
