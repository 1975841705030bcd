"""Inference: rules compiled from the ontology's own axioms, what they add to the data, and why."""

from kgraph.inference.closure import close
from kgraph.inference.explanation import Explanation, Step, explain, statement
from kgraph.inference.maintenance import Maintenance
from kgraph.inference.materialisation import Inference, infer
from kgraph.inference.rules import Pattern, Rule, compile_rules

__all__ = [
    "Explanation",
    "Inference",
    "Maintenance",
    "Pattern",
    "Rule",
    "Step",
    "close",
    "compile_rules",
    "explain",
    "infer",
    "statement",
]
