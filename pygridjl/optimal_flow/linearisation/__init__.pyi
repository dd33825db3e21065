from .evaluate import Evaluation as Evaluation
from .linear_model import (
    LinearisedBatch as LinearisedBatch,
    LinearisedOpf as LinearisedOpf,
    LinearisedPoint as LinearisedPoint,
)
from .methods import POINTS as POINTS
from .relaxation import RelaxedMoments as RelaxedMoments, relax_moments as relax_moments
from .result import (
    Linearisation as Linearisation,
    read_point as read_point,
    save_point as save_point,
)
from .solve import linearize as linearize
