"""``evidence.json`` on disk: checked against its published JSON Schema when written and when read.

The schema of this version lies in ``schemas/``; ``tools/evidence_schema.py`` writes it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from seedwitness.errors import RecordError
from seedwitness.report.evidence import SCHEMA_VERSION, Evidence
from seedwitness.runtime.files import write_whole

NAME = "evidence.json"
SCHEMA_NAME = f"evidence-{SCHEMA_VERSION}.json"
MAX_BYTES = 200_000_000


def make_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of this version, from the typed model."""
    schema = Evidence.model_json_schema(mode="serialization")
    schema["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:seedwitness:evidence:{SCHEMA_VERSION}",
    } | schema


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Write the document. Raises RecordError if it does not fit the schema."""
    text = evidence.to_json()
    check_evidence(json.loads(text), path)
    write_whole(path, text)


def read_evidence(path: Path) -> Evidence:
    """Read a document of this version.

    Raises RecordError if the file is missing, too large, of another version, or not valid.
    """
    if not path.is_file():
        raise RecordError(f"There is no {path}. `seedwitness run` writes the reports.")
    if path.stat().st_size > MAX_BYTES:
        raise RecordError(
            f"{path} has {path.stat().st_size:,} bytes, and evidence has at most {MAX_BYTES:,}. "
            "Ask for the file again: this one is damaged or was made to overload a reader."
        )
    return parse_evidence(path.read_bytes(), path)


def parse_evidence(content: bytes, path: Path) -> Evidence:
    """The document in ``content``; ``path`` names it in errors. Raises as ``read_evidence``."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{path} is not JSON: {error}. Restore it from where the report was made."
        ) from error
    check_evidence(document, path)
    return Evidence.model_validate_json(content)


def check_evidence(document: Any, path: Path) -> None:
    """Raise RecordError, with the place in the document, where it does not fit the schema."""
    from jsonschema.exceptions import best_match

    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{path} has the schema {version!r}, and this version of seedwitness reads "
            f"{SCHEMA_VERSION}. Read it with the version that wrote it, or make the report again "
            "with this one: `seedwitness run`."
        )
    error = best_match(_make_validator().iter_errors(document))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path) or "the document"
        raise RecordError(
            f"{path} does not fit the schema {SCHEMA_VERSION}: `{place}`: {error.message[:300]}. "
            "It was altered, or written by another program. Restore it from where the report was "
            "made."
        )


@cache
def _make_validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = files("seedwitness.report").joinpath("schemas", SCHEMA_NAME).read_text("utf-8")
    return Draft202012Validator(json.loads(schema))
