"""The files of one side that is a bundle: each is read only as the manifest has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from seedwitness.bundle.container import Bundle, hash_file, open_bundle, read_file
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.layout import MANIFEST, RECORD
from seedwitness.bundle.manifest import read_manifest
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.safe_documents import read_document, read_yaml, require_modest_table
from seedwitness.compare.files import EVIDENCE, REPORTS
from seedwitness.errors import BundleError


@dataclass(frozen=True)
class BundleFiles:
    """Files of a bundle in a folder or ZIP file, as in ``Files``."""

    path: Path
    bundle: Bundle

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of each file by the manifest."""
        return read_manifest(self.bundle)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the manifest, which names the bundle wherever it lies."""
        return hash_file(self.bundle, MANIFEST)

    @cached_property
    def left_out(self) -> set[str]:
        """The files that a redacted bundle lacks."""
        record = read_document(BundleRecord, self.bundle, RECORD)
        return {each.path for each in record.left_out}

    def list_reports(self) -> list[str]:
        """As in ``Files``: there is one."""
        parts = (name.split("/") for name in self.hashes)
        return sorted({each[1] for each in parts if each[0] == REPORTS and each[-1] == EVIDENCE})

    def list_names(self, folder: str) -> list[str]:
        """As in ``Files``."""
        prefix = f"{folder.rstrip('/')}/"
        names = (name.removeprefix(prefix) for name in self.hashes if name.startswith(prefix))
        return sorted({name.partition("/")[0] for name in names})

    def read(self, path: str) -> bytes | None:
        """As in ``Files``. Raises BundleError if a file was altered, or would fill the memory."""
        if path not in self.hashes or path not in self.bundle.sizes:
            return None
        content = read_file(self.bundle, path)
        if sha256(content).hexdigest() != self.hashes[path]:
            raise BundleError(
                f"{spell_out(path)} of {self.path} was altered: its SHA-256 is not the one in "
                f"{MANIFEST}. `seedwitness verify {self.path}` says more; ask for the bundle again."
            )
        if path.endswith(".parquet"):
            require_modest_table(self.bundle, path)
        elif path.endswith((".yaml", ".lock")):
            read_yaml(self.bundle, path)
        return content

    def explain_missing(self, path: str) -> str:
        """As in ``Files``."""
        if path in self.left_out:
            return f"It was left out of {self.path}, which is redacted; ask its maker for the rest."
        return f"{self.path} does not have it; ask whoever made the bundle for it."


def open_bundle_files(path: Path) -> BundleFiles:
    """The files of a bundle. Raises BundleError if there is none, or one that was refused."""
    return BundleFiles(path, open_bundle(path))
