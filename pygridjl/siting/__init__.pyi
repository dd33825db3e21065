from .check import validate_planning as validate_planning
from .defaults import outside_band as outside_band, with_default_limits as with_default_limits
from .existing import with_existing as with_existing
from .expansion.result import ExpansionResult as ExpansionResult
from .expansion.solve import expansion_plan as expansion_plan
from .expansion.tree import Stage as Stage, read_stages as read_stages
from .export import export_decision as export_decision
from .hosting.result import HostingResult as HostingResult
from .hosting.solve import hosting_capacity as hosting_capacity
from .methods.baselines import (
    greedy as greedy,
    no_dg as no_dg,
    random_siting as random_siting,
)
from .methods.spar.driver import SparResult as SparResult
from .methods.spar.quality import value_over_iterations as value_over_iterations
from .operating import OperatingReport as OperatingReport, operate as operate
from .problem import PlanningProblem as PlanningProblem
from .registry import SparOptions as SparOptions
from .result import SitingResult as SitingResult
from .sample_bounds import (
    BoundsResult as BoundsResult,
    statistical_bounds as statistical_bounds,
)
from .second_stage.protocol import (
    FeasibilityCut as FeasibilityCut,
    ScenarioStatus as ScenarioStatus,
    SecondStage as SecondStage,
    SecondStageBatch as SecondStageBatch,
)
from .site_files import problem_on_sites as problem_on_sites
from .solve import build_engine as build_engine, site as site
from .validation import (
    ValidationReport as ValidationReport,
    validate_in_opendss as validate_in_opendss,
)
