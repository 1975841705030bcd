"""Write docs/reference/conformance.md from the table of cases; run it from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

import conformance.cases_answers  # noqa: E402
import conformance.cases_asking  # noqa: E402
import conformance.cases_safety  # noqa: E402, F401
from conformance.cases import render_page  # noqa: E402

if __name__ == "__main__":
    page = TESTS.parent / "docs" / "reference" / "conformance.md"
    page.write_text(render_page(), encoding="utf-8")
