"""The record travels: through Git, DVC and its experiments, by the commands that people type."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from benchmarks.interruptions.series import run_series
from reading import parsed
from travelling import ENVIRONMENT, published, ran, read_tree, results, run

from seedwitness.runtime.fork_server import SOCKET_VARIABLE

pytestmark = pytest.mark.slow


def test_a_clone_and_a_pull_give_everything_without_computing(origin: Path, clone: Path) -> None:
    assert results(clone) == results(origin)
    assert (clone / "reports/target-0/report.html").is_file()
    assert "up to date" in run(clone, "dvc", "status")
    assert ran(run(clone, "dvc", "repro", "--pull")) == []
    assert ran(run(clone, "seedwitness", "run")) == []
    assert results(clone) == results(origin)
    assert published(clone) == published(origin)


def test_without_the_checkpoints_a_clone_still_runs_and_says_what_is_missing(
    clone: Path,
) -> None:
    shutil.rmtree(clone / "models/own")
    assert ran(run(clone, "seedwitness", "run")) == []
    said = run(clone, "seedwitness", "run", "search.steps=3", code=1)
    assert "checkpoints, own: no models/own/model_index.json" in said


def test_a_clone_without_a_pull_is_not_called_up_to_date(origin: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", str(origin.parent / "hub.git"), "bare")
    said = run(tmp_path / "bare", "seedwitness", "run", code=1)
    assert "dvc pull" in said
    assert "up to date" not in said


def test_a_restored_project_is_shown_in_mlflow(origin: Path, clone: Path) -> None:
    assert not (clone / "mlflow.db").exists()
    run(clone, "seedwitness", "publish")
    assert published(clone) == published(origin)
    assert "Nothing has changed" in run(clone, "seedwitness", "publish")


def test_a_checkout_brings_the_reports_of_the_same_revision(clone: Path) -> None:
    before = results(clone)
    run(clone, "seedwitness", "run", "judge.alpha=0.3")
    run(clone, "git", "add", "-A")
    run(clone, "git", "commit", "-qm", "another alpha")
    after = results(clone)
    assert after.keys() > before.keys()  # the log has grown
    run(clone, "git", "checkout", "-q", "HEAD~1")
    run(clone, "dvc", "checkout", "-q")
    assert results(clone) == before
    run(clone, "git", "checkout", "-q", "-")
    run(clone, "dvc", "checkout", "-q")
    assert results(clone) == after
    assert "0.3" in (clone / "reports/target-0/evidence.json").read_text()


def test_experiments_run_apart_and_are_applied_pushed_and_pulled(
    origin: Path, clone: Path, tmp_path: Path
) -> None:
    before = published(origin)
    run(clone, "seedwitness", "publish")
    run(clone, "dvc", "exp", "run", "--temp", "-n", "looser", "-S", "judge.alpha=0.3")
    run(clone, "dvc", "exp", "run", "--queue", "-S", "judge.alpha=0.35,0.4")
    run(clone, "dvc", "exp", "run", "--run-all")
    names = run(clone, "dvc", "exp", "list", "--name-only").split()
    assert len(names) == 3
    assert "looser" in names
    new = set(published(clone)) - set(before)
    assert sorted(kind for _, kind in new) == ["case"] * 6 + ["pipeline"] * 3
    # The attempts of experiments are counted, whether they are applied or not.
    (image,) = (clone / "data/attempts").iterdir()
    assert len(list(image.iterdir())) == 4

    run(clone, "dvc", "exp", "apply", "looser")
    evidence = json.loads((clone / "reports/target-0/evidence.json").read_text())
    assert evidence["plan"]["judge"]["alpha"] == 0.3
    assert '"alpha": 0.3' in (clone / "data/plan/plan.json").read_text()
    applied = read_tree(clone / "reports")
    assert not [stage for stage in ran(run(clone, "dvc", "repro")) if "search" in stage]
    others = json.loads((clone / "reports/target-0/evidence.json").read_text())["attempt"]["others"]
    assert len(others) == 3  # the first, and the two of the queue
    table = run(clone, "seedwitness", "experiments", COLUMNS="160")
    assert "judge.alpha" in table
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= 160

    run(clone, "dvc", "exp", "branch", "looser", "kept")
    run(clone, "dvc", "exp", "push", "-q", "origin", "looser")
    other = tmp_path / "other"
    run(tmp_path, "git", "clone", "-q", str(origin.parent / "hub.git"), str(other))
    run(other, "dvc", "exp", "pull", "-q", "origin", "looser")
    run(other, "dvc", "exp", "apply", "looser")
    assert read_tree(other / "reports") == applied


def test_two_people_add_targets_and_their_branches_merge(
    origin: Path, clone: Path, tmp_path: Path
) -> None:
    for name, colour in (("red", 200), ("green", 90)):
        image = tmp_path / f"{name}.ppm"
        image.write_bytes(b"P6 8 8 255\n" + bytes([colour, 255 - colour, 10] * 64))
        run(clone, "git", "checkout", "-q", "-b", name, "main")
        run(clone, "seedwitness", "add", str(image))
        run(clone, "git", "add", "-A")
        run(clone, "git", "commit", "-qm", f"add {name}")
    run(clone, "git", "merge", "-q", "--no-edit", "red")
    folders = {path.name for path in (clone / "data/targets").iterdir()}
    assert folders == {"target-0", "red", "green"}
    run(clone, "seedwitness", "compose")
    assert run(clone, "git", "status", "--short") == ""
    stages = run(clone, "dvc", "stage", "list", "--all", "--name-only")
    assert {f"data/targets/{name}/dvc.yaml:report" for name in folders} <= set(stages.split())


def test_who_keeps_one_of_two_has_the_other_in_the_report(clone: Path, tmp_path: Path) -> None:
    image = tmp_path / "red.ppm"
    image.write_bytes(b"P6 40 30 255\n" + bytes([200, 30, 10] * 1200))
    run(clone, "seedwitness", "add", str(image))
    run(clone, "seedwitness", "run")
    said = run(clone, "seedwitness", "remove", "red")
    assert "1 entries in the log" in said
    assert not list(clone.glob("data/*/red"))
    assert not (clone / "reports/red").exists()
    run(clone, "seedwitness", "run")
    counts = json.loads((clone / "reports/target-0/evidence.json").read_text())["attempt"]["counts"]
    assert (counts["images"], counts["attempts"], counts["attempts_on_image"]) == (2, 2, 1)
    assert "2 images" in parsed(clone / "reports/target-0/report.html").text


def test_an_entry_that_git_knows_and_the_log_lacks_is_named(clone: Path) -> None:
    (entry,) = (clone / "data/attempts").glob("*/*.json")
    run(clone, "git", "rm", "-q", str(entry.relative_to(clone)))
    run(clone, "git", "commit", "-qm", "nobody will see")
    said = run(clone, "seedwitness", "run", code=1)
    assert f"The log of attempts lacks {entry.relative_to(clone)}" in said
    assert "git checkout" in said


def test_few_figures_stand_for_all_cases_and_plots_open_offline(clone: Path) -> None:
    shown = json.loads(run(clone, "dvc", "metrics", "show", "--json"))
    metrics = shown[""]["data"]["data/overview/metrics.json"]["data"]
    numbers = [
        each
        for value in metrics.values()
        for each in (value.values() if isinstance(value, dict) else [value])
    ]
    assert len(numbers) <= 12
    run(clone, "seedwitness", "run")  # writes the page of plots
    run(clone, "dvc", "plots", "show")
    page = (clone / "dvc_plots/index.html").read_text()
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)
    assert "vegaEmbed(" in page


def test_a_missing_file_of_the_cache_is_named_with_its_target(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(origin), str(clone))
    store = tmp_path / "store"
    shutil.copytree(origin.parent / "store", store)
    run(clone, "dvc", "remote", "modify", "--local", "store", "url", str(store))
    out = yaml.safe_load((origin / "data/targets/target-0/target-0.png.dvc").read_text())["outs"]
    digest = out[0]["md5"]
    (store / "files/md5" / digest[:2] / digest[2:]).unlink()
    stages = yaml.safe_load((origin / "data/targets/target-0/dvc.lock").read_text())["stages"]
    (report,) = stages["report"]["outs"]
    (store / "files/md5" / report["md5"][:2] / report["md5"][2:]).unlink()
    run(clone, "dvc", "pull", "--allow-missing", code=None)
    said = run(clone, "seedwitness", "doctor", code=1)
    assert "dvc pull data/targets/target-0/target-0.png.dvc" in said
    lost = "data/prepare/target-0/image.png, reports/target-0"  # the image is stored once for both
    assert re.search(f"missing +target target-0 +no {lost}. `dvc pull`", said)


@pytest.mark.skipif(sys.platform != "linux", reason="a terminal of its own, and its signals")
def test_a_killed_run_is_continued_by_the_next_and_nothing_is_lost(
    origin: Path, tmp_path: Path
) -> None:
    pristine = origin.parent / "pristine"
    environment = {key: value for key, value in ENVIRONMENT.items() if key != SOCKET_VARIABLE}
    series = run_series(pristine, origin, tmp_path, environment, kills=5, longest=4.0, seed=1)
    assert series.failures == []
    assert len({kill.way for kill in series.kills}) == 4
    assert series.differing == []
    assert series.repeated_stages == []
    assert series.latent_files > 0
    assert series.repeated_latents == []
