"""JSON, YAML and tables of a stranger: bounded in size, depth and rows before they are read."""

from __future__ import annotations

import io
import json
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from seedwitness.bundle.container import Bundle, read_file
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.errors import BundleError
from seedwitness.records.document import Document

MAX_JSON = 64 * 2**20
MAX_YAML = 16 * 2**20
MAX_ROWS = 5_000_000
MAX_TABLE = 2 * 2**30
D = TypeVar("D", bound=Document)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_json(bundle: Bundle, name: str) -> Any:
    """The value of a JSON file. Raises BundleError if it is none, too large or too deep."""
    try:
        return json.loads(read_file(bundle, name, MAX_JSON))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{spell_out(name)} is no JSON: {spell_out(error)}.") from error


def read_document(kind: type[D], bundle: Bundle, name: str) -> D:
    """A document. Raises BundleError with the first field that does not fit its model."""
    try:
        return kind.model_validate_json(read_file(bundle, name, MAX_JSON))
    except ValidationError as error:
        first = error.errors()[0]
        where = spell_out(".".join(str(part) for part in first["loc"]))
        raise BundleError(
            f"{spell_out(name)} is no {kind.__name__} of this version: `{where}`: "
            f"{spell_out(first['msg'])}."
        ) from error


def read_yaml(bundle: Bundle, name: str) -> Any:
    """The value of a YAML file, by the safe loader.

    Raises BundleError if it is none, or has references, by which some lines grow to any size.
    """
    content = read_file(bundle, name, MAX_YAML)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, _LOADER)):
            raise yaml.YAMLError("it has references")
        return yaml.load(content, _LOADER)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BundleError(f"{spell_out(name)} is no YAML: {spell_out(error)}.") from error


def require_modest_table(bundle: Bundle, name: str) -> None:
    """Raise BundleError if a parquet file would fill the memory, or is none."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        about = ParquetFile(io.BytesIO(read_file(bundle, name))).metadata
        groups = (about.row_group(number) for number in range(about.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
    except (ArrowException, OSError, ValueError) as error:
        raise BundleError(f"{spell_out(name)} is no table: {spell_out(error)}.") from error
    if about.num_rows > MAX_ROWS or size > MAX_TABLE:
        raise BundleError(
            f"{spell_out(name)} has {about.num_rows:,} rows of {size:,} bytes, which is more than "
            "a bundle's table may have. It was not read."
        )
