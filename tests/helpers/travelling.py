"""A project under Git and DVC that travels: the small project, its models and pictures included."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from PIL import Image

from seedwitness.runtime.fork_server import SOCKET_VARIABLE, running_server

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "PYTHONWARNINGS": "ignore",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}

RESULTS = ("reports", "data/judge", "data/search", "data/score", "data/attempts", "data/outcomes")


@contextmanager
def served_commands() -> Iterator[None]:
    """A fork server, because the start of a process costs more than most stages here."""
    with running_server() as environment, pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENVIRONMENT, SOCKET_VARIABLE, environment.get(SOCKET_VARIABLE, ""))
        yield


def run(root: Path, *command: str, code: int | None = 0, **variables: str) -> str:
    """Run a command in ``root``; gives both of its outputs."""
    ended = subprocess.run(
        command,
        cwd=root,
        env={**ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert code is None or ended.returncode == code, f"{command}: {ended.stdout[-6000:]}"
    return ended.stdout


def begin_project(
    root: Path, small_project: Callable[[Path], None], remote: Path, targets: int = 1
) -> None:
    """Lay out the small project with ``targets`` images that were added, committed and not run."""
    small_project(root)
    shutil.rmtree(root / "data/targets")
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["detectors"] |= {"names": []}
    (root / "conf").mkdir()
    (root / "conf/config.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (root / "params.yaml").unlink()
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    del pipeline["stages"]["pictures"]  # here they are plain folders
    (root / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, root)
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "dvc", "init", "-q")
    shutil.copy(ROOT / ".dvc/config", root / ".dvc/config")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots", dirs_exist_ok=True)
    run(root, "seedwitness", "compose")
    run(root, "dvc", "remote", "add", "-d", "store", str(remote))
    run(root, "dvc", "add", "-q", "models/own", "models/clean", "pictures/seen", "pictures/outside")
    for number in range(targets):
        image = Image.new("RGB", (40, 30), (40 * number, 120, 200))
        image.putpixel((number, 0), (255, 255, 255))
        image.save(root.parent / f"target-{number}.png")
        run(root, "seedwitness", "add", str(root.parent / f"target-{number}.png"))
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-qm", "a project with targets")


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def results(root: Path) -> dict[str, bytes]:
    """Every file of the results and of the log, by its path in the project."""
    return {
        f"{folder}/{name}": content
        for folder in RESULTS
        for name, content in read_tree(root / folder).items()
    }


def ran(output: str) -> list[str]:
    """The stages that DVC says it has run."""
    return re.findall(r"Running stage '(.+?)'", output)


def published(root: Path) -> list[tuple[str, str]]:
    """The content and kind of every complete run in MLflow's store."""
    query = """
        select c.value, k.value from runs r
        join tags c on c.run_uuid = r.run_uuid and c.key = 'seedwitness.content'
        join tags k on k.run_uuid = r.run_uuid and k.key = 'seedwitness.kind'
        where r.status = 'FINISHED' order by 1
    """
    with closing(sqlite3.connect(root / "mlflow.db")) as database:
        return database.execute(query).fetchall()
