"""Projects under Git, and under DVC."""

import subprocess
from pathlib import Path


def git(root: Path, *arguments: str) -> str:
    """Run Git in ``root``; gives what it prints."""
    ended = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def init_git(root: Path) -> None:
    """Make a repository without a commit, on the branch ``main``."""
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "a")
    git(root, "config", "user.email", "a@example.org")


def init_dvc(root: Path) -> None:
    """Make a project of DVC in a repository of Git."""
    from dvc.repo import Repo

    Repo.init(str(root)).close()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")


def commit_all(root: Path, message: str) -> str:
    """Commit all that is not ignored; gives the hash of the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()
