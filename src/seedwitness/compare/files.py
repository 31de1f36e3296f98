"""The files of one side: of a folder, or of a revision, where nothing is checked out.

A path is seen from the project's root, such as ``reports/owl/evidence.json``. A file that is not
there is None, and ``explain_missing`` says what brings it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from seedwitness.errors import ConfigError

REPORTS = "reports"
OVERVIEW = "index_files"
"""The folder beside the reports that holds the pictures of the overview."""
EVIDENCE, PAGE = "evidence.json", "report.html"


class Files(Protocol):
    """What is read of a side."""

    def list_reports(self) -> list[str]:
        """The names of the targets that have a report, also of those that cannot be read."""
        ...

    def list_names(self, folder: str) -> list[str]:
        """The names of what lies in a folder, in order; none where it cannot be read."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where it cannot be read."""
        ...

    def explain_missing(self, path: str) -> str:
        """What brings a file that could not be read."""
        ...


@dataclass(frozen=True)
class FolderFiles:
    """Files of a folder; ``root`` is None where ``reports`` lies alone, without a project."""

    reports: Path
    root: Path | None
    is_workspace: bool = False

    def list_reports(self) -> list[str]:
        """As in ``Files``: the folders that hold evidence or a page."""
        paths = sorted(self.reports.glob("*/"))
        return [
            path.name for path in paths if any((path / name).exists() for name in (EVIDENCE, PAGE))
        ]

    def list_names(self, folder: str) -> list[str]:
        """As in ``Files``."""
        path = self._locate(folder)
        return sorted(each.name for each in path.iterdir()) if path and path.is_dir() else []

    def read(self, path: str) -> bytes | None:
        """As in ``Files``."""
        place = self._locate(path)
        return place.read_bytes() if place and place.is_file() else None

    def explain_missing(self, path: str) -> str:
        """As in ``Files``."""
        if self.is_workspace:
            return f"`dvc pull {path}` brings it from the remote, `seedwitness run` makes it."
        where = self.root or self.reports
        return f"{where} does not have it; ask whoever made the folder for it."

    def _locate(self, path: str) -> Path | None:
        first, _, rest = path.partition("/")
        if first == REPORTS:
            return self.reports / rest
        return self.root and self.root / path


@dataclass(frozen=True)
class RevisionFiles:
    """Files of a revision through DVC's file system: from Git, the cache of DVC, or its remote."""

    commit: str
    filesystem: Any
    root: str
    """The project's folder, seen from the root of Git's repository."""
    failures: dict[str, str] = field(default_factory=dict)
    """What DVC said of the files that it could not read."""

    def list_reports(self) -> list[str]:
        """As in ``Files``: the folders that Git or a lock file of DVC names."""
        entries = self._list(REPORTS)
        return sorted(
            str(entry["name"]).rpartition("/")[2]
            for entry in entries
            if entry["type"] == "directory" and not str(entry["name"]).endswith(f"/{OVERVIEW}")
        )

    def list_names(self, folder: str) -> list[str]:
        """As in ``Files``."""
        return sorted(str(entry["name"]).rpartition("/")[2] for entry in self._list(folder))

    def read(self, path: str) -> bytes | None:
        """As in ``Files``."""
        content = self._ask(self.filesystem.read_bytes, path)
        return None if content is None else bytes(content)

    def explain_missing(self, path: str) -> str:
        """As in ``Files``."""
        said = f" DVC says: {self.failures[path]}." if path in self.failures else ""
        return (
            f"`dvc fetch --all-commits {path}` brings it from the remote, if it was pushed; "
            f"otherwise `seedwitness run` makes it, in that revision.{said}"
        )

    def _locate(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.root, path))

    def _list(self, folder: str) -> list[dict[str, Any]]:
        return list(self._ask(self.filesystem.ls, folder, detail=True) or [])

    def _ask(self, function: Callable[..., Any], path: str, **options: Any) -> Any:
        """What DVC's file system gives for a path; None where it fails, and its message is kept."""
        try:
            return function(self._locate(path), **options)
        except Exception as error:  # each kind of remote raises errors of its own
            self.failures[path] = " ".join(str(error).split())
            return None


def open_revision(name: str) -> RevisionFiles:
    """The files of a revision of Git, or of an experiment of DVC, of the project that one is in.

    Raises ConfigError where there is none of this name, or no repository.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        # The remote is that of the working directory: an old revision may name one that is gone.
        with Repo(uninitialized=True) as repo:
            config = {section: dict(repo.config[section]) for section in ("core", "remote")}
            top, root = (Path(folder).resolve() for folder in (repo.scm.root_dir, repo.root_dir))
        filesystem = DVCFileSystem(rev=name, config=config, subrepos=root != top)
        commit = str(filesystem.repo.get_rev())
    except DvcException as error:
        raise ConfigError(" ".join(str(error).split())) from error
    below = Path().resolve().relative_to(top)
    return RevisionFiles(commit, filesystem, f"/{below.as_posix()}")
