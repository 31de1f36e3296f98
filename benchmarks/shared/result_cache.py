"""Results of benchmarks on disk, so an interrupted run continues where it stopped.

A result is found again only under everything that decides it: its inputs and settings, the hash of
the code that computes it, and the versions of the libraries it computes with. A result of other
code or of other versions is never served.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seedwitness.runtime.code_graph import hash_code, hash_source
from seedwitness.runtime.environment import package_versions
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import digest

LIBRARIES = ("torch", "diffusers", "transformers")

Row = dict[str, Any]


class ResultCache:
    """Rows of results below ``folder``, one file for each computation, image and prompt.

    ``settings`` is whatever else decides the results, such as hashes of weights. ``code`` names the
    modules of ``seedwitness`` that each computation runs; their imports are followed.
    ``files`` are further source files that every computation runs.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        code: Mapping[str, Sequence[str]],
        files: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        self._settings = {**settings, "libraries": package_versions(LIBRARIES)}
        self._settings["files"] = [hash_source(path) for path in files]
        self._code = code

    def rows(
        self, computation: str, pixels_sha256: str, prompt: str, compute: Callable[[], list[Row]]
    ) -> list[Row]:
        """The stored rows; where there are none, those that ``compute`` returns, stored first."""
        path = self.path(computation, pixels_sha256, prompt)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(compute()))
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
        return rows

    def path(self, computation: str, pixels_sha256: str, prompt: str) -> Path:
        """The file of one computation, image and prompt."""
        if computation not in self._code:
            known = ", ".join(sorted(self._code))
            raise ValueError(f"the code of {computation!r} is not known here; known are {known}")
        key = {
            **self._settings,
            "code": hash_code(*self._code[computation]),
            "pixels": pixels_sha256,
            "prompt": prompt,
        }
        return self.folder / computation / f"{digest(key)[:24]}.json"
