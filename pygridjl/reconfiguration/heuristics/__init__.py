"""Constructions and improvements of spanning trees by the linear model."""

from pygridjl.reconfiguration.heuristics.exchange import branch_exchange
from pygridjl.reconfiguration.heuristics.few_operations import few_operations
from pygridjl.reconfiguration.heuristics.ils import iterated_local_search
from pygridjl.reconfiguration.heuristics.sequential import sequential_opening
from pygridjl.reconfiguration.heuristics.trees import (
    kruskal_tree,
    max_flow_tree,
    minimum_spanning_tree,
    shortest_path_tree,
)

__all__ = [
    "branch_exchange",
    "few_operations",
    "iterated_local_search",
    "kruskal_tree",
    "max_flow_tree",
    "minimum_spanning_tree",
    "sequential_opening",
    "shortest_path_tree",
]
