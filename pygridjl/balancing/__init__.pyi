from .check import check_assignment as check_assignment
from .connections import read_connections as read_connections
from .deviations import (
    DeviationModel as DeviationModel,
    draw_loads as draw_loads,
    random_model as random_model,
)
from .estimate import DeviationFit as DeviationFit, fit_deviations as fit_deviations
from .evaluate import Evaluation as Evaluation, evaluate as evaluate
from .files import (
    LoadPaths as LoadPaths,
    load_paths as load_paths,
    read_loads as read_loads,
    save_loads as save_loads,
)
from .problem import BalancingProblem as BalancingProblem, build_problem as build_problem
from .result import BalancingResult as BalancingResult, CircuitRisk as CircuitRisk
from .solve import balance as balance, solve_problem as solve_problem
from .topology import (
    FeederCoupling as FeederCoupling,
    couple as couple,
    feeder_problem as feeder_problem,
)
