"""Checks of the ontology's logic: is it consistent with the data, and does it keep to its OWL profile?"""

from kgraph.reasoning.consistency import ConsistencyResult, check_consistency, check_statements, find_java
from kgraph.reasoning.profile import ProfileProblem, check_rl_profile
from kgraph.reasoning.view import DlView, Statement, build_dl_view

__all__ = [
    "ConsistencyResult",
    "DlView",
    "ProfileProblem",
    "Statement",
    "build_dl_view",
    "check_consistency",
    "check_rl_profile",
    "check_statements",
    "find_java",
]
