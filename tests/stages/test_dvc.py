"""The pipeline as DVC runs it, on a small project: what reruns, and what a kill costs."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image
from target_images import write_image

from seedwitness.config.params import load_params
from seedwitness.config.target_pipeline import write_target_pipelines
from seedwitness.config.targets import FOLDER, list_targets
from seedwitness.records.attempts import read_log
from seedwitness.runtime.fork_server import SOCKET_VARIABLE, running_server

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "PYTHONWARNINGS": "ignore",
}
pytestmark = pytest.mark.slow
OWL = "data/targets/owl/dvc.yaml"


SERVED: dict[str, str] = {}
"""The address of the fork server, which the stages use where nothing is killed."""


def dvc(root: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env=ENVIRONMENT | SERVED,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return ended.stdout


def ran(output: str) -> set[str]:
    """The stages that a `dvc repro` ran, those of a target as ``TARGET:STAGE``."""
    stages = re.findall(r"Running stage '(?:data/targets/(.+?)/dvc\.yaml:)?(.+?)'", output)
    return {f"{target}:{stage}" if target else stage for target, stage in stages}


def change(root: Path, section: str, **values: object) -> None:
    params = yaml.safe_load((root / "params.yaml").read_text())
    params[section] |= values
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


@pytest.fixture(scope="module")
def served() -> Iterator[None]:
    """A fork server, because the start of a process costs more than most stages here."""
    with running_server() as environment:
        SERVED[SOCKET_VARIABLE] = environment.get(SOCKET_VARIABLE, "")  # none but on Linux
        yield
    SERVED.clear()


@pytest.fixture(scope="module")
def project(
    served: None, tmp_path_factory: pytest.TempPathFactory, small_project: Callable[[Path], None]
) -> Path:
    """The committed dvc.yaml over a small project of one target, run to its end."""
    root = tmp_path_factory.mktemp("dvc")
    small_project(root)
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    del pipeline["stages"]["pictures"]  # here they are plain folders
    (root / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", root / "src", ignore=ignored)
    change(root, "search", budget_nfe=160, steps=10)
    shutil.rmtree(root / FOLDER / "flat")
    dvc(root, "init", "--no-scm")
    shutil.copy(ROOT / ".dvcignore", root)
    dvc(root, "config", "core.analytics", "false")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots")
    write_target_pipelines(load_params(root / "params.yaml"), root)
    dvc(root, "repro")
    return root


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC's own libraries
def test_no_stage_leads_to_a_training() -> None:
    """What a stage depends on is made by this pipeline, and not by a lab's beside it."""
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        graph = repo.index.graph
        own = {stage for stage in graph if not stage.path_in_repo.startswith("data/lab")}
        own = {stage for stage in own if not stage.path_in_repo.startswith("data/dcss")}
        names = {getattr(stage, "name", "") for stage in own}
        assert {"materials", "plan", "index", "overview", "publish"} <= names
        reached = {each for stage in own for each in graph.successors(stage)}
        assert reached <= own


def test_with_nothing_to_do_nothing_is_done(project: Path) -> None:
    assert ran(dvc(project, "repro")) == set()


def test_a_judges_setting_reruns_what_follows_the_judge(project: Path) -> None:
    change(project, "judge", alpha=0.25)
    follow = {"plan", "owl:attempt", "owl:judge", "owl:report", "overview", "publish"}
    before = read_log(project)
    assert ran(dvc(project, "repro")) == follow
    assert len(read_log(project).entries) == len(before.entries) + 1 == 2
    assert before.entries.items() <= read_log(project).entries.items()
    assert len(list((project / "data/plans").iterdir())) == 2


def test_a_target_more_runs_its_own_stages(project: Path) -> None:
    write_image(project, "flat", Image.new("RGB", (40, 30), "teal"))
    write_target_pipelines(load_params(project / "params.yaml"), project)
    once = ("prepare", "attempt", "recover", "lookup", "judge", "report")
    cases = ("search", "scan", "reach", "replay", "score")
    assert ran(dvc(project, "repro")) == {
        *(f"flat:{stage}" for stage in once),
        *(f"flat:{stage}-{name}" for stage in cases for name in ("own", "clean")),
        "overview",
        "publish",
    }
    newest = list(read_log(project).entries.values())[-1]
    assert (newest.target, newest.counts.images) == ("flat", 2)


def test_the_figures_of_all_cases_are_there_for_dvc_to_show(project: Path) -> None:
    shown = json.loads(dvc(project, "metrics", "show", "--json"))
    metrics = shown[""]["data"]["data/overview/metrics.json"]["data"]
    cases = pd.read_csv(project / "data/overview/cases.csv").set_index("case")
    assert sum(metrics["memorised"].values()) == metrics["cases"] == len(cases)
    finding = json.loads((project / "data/judge/owl/own/finding.json").read_text())["memorised"]
    case = cases.loc["owl/own"]
    assert case["finding"] == finding["finding"]
    assert case["p"] == finding["rank"]["p"]
    assert metrics["p"] == cases["p_family"].min()
    dvc(project, "plots", "show", "-o", "plots")
    page = (project / "plots/index.html").read_text()
    for word in ("closest score of each case", "p of each case", "so far, by budget", "owl/own"):
        assert word in page


@contextmanager
def killed(project: Path, *arguments: str) -> Iterator[Callable[[], None]]:
    """DVC with all that it started, killed when the block ends; gives a wait between two looks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", *arguments],
        cwd=project,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def wait() -> None:
        assert process.poll() is None, "it came to its end before it could be killed"
        time.sleep(0.002)

    try:
        yield wait
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_killed_in_the_search_it_goes_on(project: Path) -> None:
    def shards() -> dict[Path, int]:
        found = (project / ".ledger").glob("*/[0-9a-f]*.safetensors")
        return {path: path.stat().st_mtime_ns for path in found}

    change(project, "search", budget_nfe=1600)
    before = shards()
    with killed(project, f"{OWL}:search-own") as wait:
        while len(shards()) < len(before) + 2:
            wait()
    finished = shards()
    dvc(project, "repro")
    assert finished.items() <= shards().items()  # not one was computed again
    seconds = json.loads((project / "data/timings/owl/own/timing.json").read_text())
    assert seconds["shards_cached"] >= 2


def test_killed_in_the_score_nothing_before_it_is_done_again(project: Path) -> None:
    change(project, "score", images=2)
    folder = project / "data/score/owl"
    with killed(project, f"{OWL}:score-own") as wait:
        while not list(folder.glob(".own.*")):
            wait()
    again = ran(dvc(project, "repro"))
    assert "owl:score-own" in again
    assert not {name for name in again if name.partition(":")[2].startswith(("search", "replay"))}
    left = {path.name for path in folder.iterdir()} - {"own", "clean"}
    assert all(name.startswith(".own.") for name in left)  # which nothing reads, DVC neither
    assert ran(dvc(project, "repro")) == set()


def test_killed_while_publishing_there_is_nothing_twice(project: Path) -> None:
    change(project, "tracking", experiment="again")
    query = "select count(*) from runs join experiments using (experiment_id) "
    query += "where experiments.name = 'again'"
    expected = 1 + 2 * len(list_targets(project)) + 2  # the whole, each case, the controls
    with closing(sqlite3.connect(project / "mlflow.db", timeout=60)) as database:
        with killed(project, "publish") as wait:
            while not database.execute(query).fetchone()[0]:
                wait()
        assert ran(dvc(project, "repro")) == {"publish"}
        assert database.execute(query).fetchone()[0] == expected
        assert database.execute(f"{query} and status = 'FINISHED'").fetchone()[0] == expected
