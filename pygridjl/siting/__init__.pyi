from .check import validate_planning as validate_planning
from .methods.baselines import (
    greedy as greedy,
)
from .methods.baselines import (
    no_dg as no_dg,
)
from .methods.baselines import (
    random_siting as random_siting,
)
from .methods.spar.driver import SparResult as SparResult
from .methods.spar.options import SparOptions as SparOptions
from .methods.spar.quality import value_over_iterations as value_over_iterations
from .problem import PlanningProblem as PlanningProblem
from .result import SitingResult as SitingResult
from .sample_bounds import (
    BoundsResult as BoundsResult,
)
from .sample_bounds import (
    statistical_bounds as statistical_bounds,
)
from .second_stage.protocol import (
    FeasibilityCut as FeasibilityCut,
)
from .second_stage.protocol import (
    ScenarioStatus as ScenarioStatus,
)
from .second_stage.protocol import (
    SecondStage as SecondStage,
)
from .second_stage.protocol import (
    SecondStageBatch as SecondStageBatch,
)
from .solve import build_engine as build_engine
from .solve import site as site
