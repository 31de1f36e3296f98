"""Where a project lies: its root, Git's revision, and the project behind a temporary workspace."""

from __future__ import annotations

import subprocess
from pathlib import Path

EXPERIMENTS = (".dvc", "tmp", "exps")
"""Where DVC lays out the temporary workspaces of experiments, below the project's root."""


def find_project(workspace: Path = Path()) -> Path:
    """The root of the project that a workspace belongs to, absolute.

    It is the workspace itself, or the project in which DVC made a temporary workspace for an
    experiment.
    """
    root = workspace.resolve()
    for folder in root.parents:
        if folder.parts[-len(EXPERIMENTS) :] == EXPERIMENTS:
            return folder.parents[len(EXPERIMENTS) - 1]
    return root


def list_roots(workspace: Path = Path()) -> list[Path]:
    """The workspace, and the project that it belongs to where that is another folder."""
    return list(dict.fromkeys([workspace.resolve(), find_project(workspace)]))


def share_folder(name: Path, workspace: Path = Path()) -> None:
    """Link a folder of the project into a temporary workspace, so that its caches are used."""
    project, link = find_project(workspace), workspace.resolve() / name
    if project != workspace.resolve() and not link.exists():
        (project / name).mkdir(exist_ok=True)
        link.symlink_to(project / name, target_is_directory=True)


def read_revision(root: Path = Path()) -> str:
    """The commit that is checked out; empty outside of Git and before the first commit."""
    return _run_git(root, "rev-parse", "--verify", "--quiet", "HEAD").strip()


def is_modified(root: Path = Path()) -> bool:
    """Whether a file that Git keeps differs from the commit; DVC's lock files are not looked at."""
    return bool(_run_git(root, "status", "--porcelain", "-uno", "--", ".", ":!*dvc.lock").strip())


def list_deleted(folder: Path, root: Path = Path()) -> list[Path]:
    """The files of ``folder`` that Git knows, and that are missing now.

    Git knows what is in its index, and what any commit before this one has added: a file may have
    been left out by a merge, which is no commit that deletes it.
    """
    names = _run_git(root, "ls-files", "-z", "--", folder.as_posix()).split("\0")
    history = ("log", "-z", "--full-history", "--diff-filter=A", "--no-renames", "--name-only")
    arguments = (*history, "--relative", "--format=", "--", folder.as_posix())
    names += _run_git(root, *arguments).split("\0")
    paths = sorted({Path(name.strip()) for name in names if name.strip()})
    return [path for path in paths if not (root / path).exists()]


def _run_git(root: Path, *arguments: str) -> str:
    """What Git prints; empty where it fails or is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""
