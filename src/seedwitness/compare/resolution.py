"""Finds what each argument of the command names: one function a kind, in a fixed order.

The working directory, then a checkpoint of it, a bundle, a folder, a revision. ``./NAME`` is always
a folder, and ``refs/heads/NAME`` always a revision.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from seedwitness.bundle.container import is_bundle
from seedwitness.compare.bundle_files import open_bundle_files
from seedwitness.compare.documents import SideKind
from seedwitness.compare.files import EVIDENCE, REPORTS, Files, FolderFiles, open_revision
from seedwitness.compare.sides import Side, read_evidence
from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError, RecordError
from seedwitness.report.evidence import Evidence

WORKSPACE = "workspace"


class Workspace:
    """The reports in the working directory, read once for all arguments."""

    def __init__(self) -> None:
        self.files = FolderFiles(Path(REPORTS), Path(), is_workspace=True)

    @cached_property
    def evidence(self) -> tuple[dict[str, Evidence], list[str]]:
        """What ``read_evidence`` gives."""
        return read_evidence(WORKSPACE, self.files)

    @cached_property
    def checkpoints(self) -> list[str]:
        """The checkpoints of all reports, also of those of another version."""
        contents = (path.read_bytes() for path in sorted(Path(REPORTS).glob(f"*/{EVIDENCE}")))
        return list(dict.fromkeys(name for content in contents for name in _list_names(content)))


def resolve_sides(arguments: Sequence[str]) -> list[Side]:
    """The sides that the arguments name, seen from the project's root.

    Raises ConfigError for an argument that names nothing, for fewer than two sides, for two that
    are the same, and for a checkpoint beside another kind; RecordError where reports are missing or
    of another version.
    """
    if len(arguments) < 2:
        raise ConfigError("A comparison needs two sides: `seedwitness compare A B`.")
    if twice := [name for name in arguments if arguments.count(name) > 1]:
        raise ConfigError(f"`{twice[0]}` is named twice. A comparison needs different sides.")
    workspace = Workspace()
    sides = [_resolve(argument, workspace) for argument in arguments]
    _require_one_kind(sides)
    _require_distinct(sides)
    return sides


def _resolve(argument: str, workspace: Workspace) -> Side:
    resolvers: list[Callable[[str, Workspace], Side | str]] = [
        resolve_workspace,
        resolve_checkpoint,
        resolve_bundle,
        resolve_folder,
        resolve_revision,
    ]
    refusals = []
    for resolve in resolvers:
        result = resolve(argument, workspace)
        if isinstance(result, Side):
            return result
        refusals.append(result)
    raise ConfigError(f"`{argument}` names nothing to compare: {'; '.join(refusals)}.")


def resolve_workspace(argument: str, workspace: Workspace) -> Side | str:
    """The working directory, for the word ``workspace``; else why not."""
    if argument != WORKSPACE:
        return f"it is not the word `{WORKSPACE}`"
    place = str(Path().absolute())
    return _make_side(argument, "workspace", place, workspace.files, workspace.evidence)


def resolve_checkpoint(argument: str, workspace: Workspace) -> Side | str:
    """A checkpoint of the reports in the working directory; else why not."""
    if argument not in workspace.checkpoints:
        known = suggest_names(argument, workspace.checkpoints).strip(" .")
        return f"no report in {REPORTS}/ has a checkpoint of this name{known and f' ({known})'}"
    evidence, missing = workspace.evidence
    cases = [case for document in evidence.values() for case in document.cases]
    digests = {case.checkpoint_sha256 for case in cases if case.checkpoint == argument}
    if len(digests) != 1:
        raise RecordError(
            f"The reports in {REPORTS}/ were made with {len(digests)} different checkpoints of the "
            f"name {argument}. `seedwitness run` brings them to one state."
        )
    return Side(
        name=argument,
        kind="checkpoint",
        place=digests.pop(),
        files=workspace.files,
        evidence=evidence,
        checkpoint=argument,
        missing=dict.fromkeys(missing),
    )


def resolve_bundle(argument: str, workspace: Workspace) -> Side | str:
    """A bundle, in a folder or a ZIP file; else why not. Signatures are not checked here."""
    path = Path(argument)
    if not is_bundle(path):
        return "it is no bundle"
    files = open_bundle_files(path)
    return _make_side(argument, "bundle", files.digest, files, read_evidence(argument, files))


def resolve_folder(argument: str, workspace: Workspace) -> Side | str:
    """A folder with ``reports/`` in it, or one that holds the reports itself; else why not."""
    path = Path(argument)
    if not path.is_dir():
        return "there is no folder of this name"
    if any((path / REPORTS).glob(f"*/{EVIDENCE}")):
        files = FolderFiles(path / REPORTS, path)
    elif any(path.glob(f"*/{EVIDENCE}")):
        files = FolderFiles(path, path.absolute().parent if path.name == REPORTS else None)
    else:
        return (
            f"the folder {path.absolute()} holds neither {REPORTS}/TARGET/{EVIDENCE} nor "
            f"TARGET/{EVIDENCE}"
        )
    return _make_side(
        argument, "folder", str(path.resolve()), files, read_evidence(argument, files)
    )


def resolve_revision(argument: str, workspace: Workspace) -> Side | str:
    """A revision of Git or an experiment of DVC, read without a checkout; else why not."""
    try:
        files = open_revision(argument)
    except ConfigError as error:
        return f"it is no revision of Git and no experiment of DVC ({error})"
    return _make_side(argument, "revision", files.commit, files, read_evidence(argument, files))


def _make_side(
    name: str, kind: SideKind, place: str, files: Files, read: tuple[dict[str, Evidence], list[str]]
) -> Side:
    evidence, missing = read
    return Side(name, kind, place, files, evidence, missing=dict.fromkeys(missing))


def _list_names(content: bytes) -> list[str]:
    """The checkpoints that evidence of any version names; none where it cannot be read."""
    try:
        return [str(case["checkpoint"]) for case in json.loads(content)["cases"]]
    except (ValueError, KeyError, TypeError):
        return []


def _require_one_kind(sides: Sequence[Side]) -> None:
    checkpoints = [side.name for side in sides if side.checkpoint is not None]
    others = [side.name for side in sides if side.checkpoint is None]
    if checkpoints and others:
        raise ConfigError(
            f"`{checkpoints[0]}` is a checkpoint of the reports here, and `{others[0]}` is not. "
            "Checkpoints are compared with checkpoints of the same run. If a branch or a folder is "
            f"meant, write refs/heads/{checkpoints[0]} or ./{checkpoints[0]}."
        )


def _require_distinct(sides: Sequence[Side]) -> None:
    names: dict[tuple[str, str | None], str] = {}
    for side in sides:
        other = names.setdefault((side.place, side.checkpoint), side.name)
        if other != side.name:
            raise ConfigError(
                f"`{other}` and `{side.name}` are the same: {side.place}. A comparison needs "
                "different sides."
            )
