"""Documents: JSON files with a typed model."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from seedwitness.errors import RecordError
from seedwitness.runtime.files import write_whole


class Document(BaseModel):
    """A JSON file; unknown keys are errors, so that a file of another version is not misread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def write(self, path: Path) -> None:
        """Write the document in one step, with its keys in the order of the fields."""
        write_whole(path, self.to_json())

    def to_json(self) -> str:
        """The text of the file."""
        return self.model_dump_json(indent=1) + "\n"


D = TypeVar("D", bound=Document)


def read_document(kind: type[D], path: Path) -> D:
    """Read a document. Raises RecordError if the file is missing or does not fit the model."""
    if not path.exists():
        raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{path} is not a valid {kind.__name__} of this version: `{where}`: {first['msg']}. "
            "Run its stage again: `dvc repro -s -f STAGE`."
        ) from error
