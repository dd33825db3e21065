"""FORWARD: its four parts, its weight rules, and the algorithm they make."""

from pygridjl.reconfiguration.forward.contraction import Contraction, contract_forced
from pygridjl.reconfiguration.forward.driver import FORWARD_MODES, forward
from pygridjl.reconfiguration.forward.fast import grow_fast
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph, complete_forest, flow_graph
from pygridjl.reconfiguration.forward.forest import Forest, empty_forest, join
from pygridjl.reconfiguration.forward.islander import Islands, find_islands
from pygridjl.reconfiguration.forward.net_concad import CondensedGraph, condense
from pygridjl.reconfiguration.forward.preprocessor import Preprocessed, preprocess
from pygridjl.reconfiguration.forward.sampler import SampledEdge, sample
from pygridjl.reconfiguration.forward.stepwise import grow_forest
from pygridjl.reconfiguration.forward.weights import WEIGHT_RULES, PowerLawRule, WeightRule

__all__ = [
    "FORWARD_MODES",
    "WEIGHT_RULES",
    "CondensedGraph",
    "Contraction",
    "FlowGraph",
    "Forest",
    "Islands",
    "PowerLawRule",
    "Preprocessed",
    "SampledEdge",
    "WeightRule",
    "complete_forest",
    "condense",
    "contract_forced",
    "empty_forest",
    "find_islands",
    "flow_graph",
    "forward",
    "grow_fast",
    "grow_forest",
    "join",
    "preprocess",
    "sample",
]
