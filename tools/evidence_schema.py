"""Write the JSON Schema of ``evidence.json`` for this version, from the typed model.

    .venv/bin/python tools/evidence_schema.py

A test compares the file with what this script gives.
"""

from __future__ import annotations

import json
from pathlib import Path

from seedwitness.report.evidence_file import SCHEMA_NAME, make_schema

FOLDER = Path(__file__).parents[1] / "src" / "seedwitness" / "report" / "schemas"


def render() -> str:
    """The text of the file."""
    return json.dumps(make_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / SCHEMA_NAME).write_text(render(), encoding="utf-8")
