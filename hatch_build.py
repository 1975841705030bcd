"""Build hook of the wheel: the ontology, the data and the queries travel inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KNOWLEDGE = ("ontology", "data", "queries")


class KnowledgeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Copies the knowledge folders to ``kgraph/_data`` of a wheel.

    An editable wheel carries no copy, so that an editable installation sees the repository's files.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders to the wheel; a missing one stops the build with a clear line."""
        if version == "editable":
            return
        for name in KNOWLEDGE:
            folder = Path(self.root, name)
            if not folder.is_dir():
                raise FileNotFoundError(f"the folder {name}/ is missing beside pyproject.toml")
            build_data["force_include"][str(folder)] = f"kgraph/_data/{name}"
