"""The stage ``attempt``: every question is in the log before anything looks at the image."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from invented import identity, prepared, scene
from repositories import commit_all, git, init_dvc, init_git
from settling import COMMITTED, change, settle
from target_images import write_image

from seedwitness.config.target_pipeline import make_target_pipeline
from seedwitness.config.targets import load_target
from seedwitness.errors import ConfigError, RecordError
from seedwitness.records.attempts import ATTEMPTS, PLANS, LogCounts, LogEntry, name_folder, read_log
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import output_path, run_stage
from seedwitness.stages.plan import PLAN

CHECKPOINTS = {
    name: {"family": "diffusers", "path": f"models/{name}", "watch": f"models/{name}"}
    for name in ("own", "clean")
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project under Git up to the stage: two prepared targets, two checkpoints, a plan."""
    settle(tmp_path, checkpoints=CHECKPOINTS, judge={**COMMITTED["judge"], "reference": "clean"})
    monkeypatch.chdir(tmp_path)
    for name in CHECKPOINTS:
        identity(name).write(output_path("identify", name) / "checkpoint.json")
    for number, target in enumerate(("owl", "heron")):
        prepared(Path("data"), target, scene(number))
        write_image(tmp_path, target, scene(number))
    init_git(tmp_path)
    commit_all(tmp_path, "first")
    return tmp_path


def state_caption(target: str, caption: str | None) -> None:
    write_image(Path(), target, scene(("owl", "heron").index(target)), caption)


def entries() -> list[LogEntry]:
    return list(read_log().entries.values())


def test_an_attempt_is_entered_with_what_is_asked(project: Path) -> None:
    state_caption("owl", "an owl at night")
    revision = git(project, "rev-parse", "HEAD").strip()
    run_stage("attempt", ["owl"])
    ((key, entry),) = read_log().entries.items()
    pixels = json.loads((output_path("prepare", "owl") / "target.json").read_text())
    assert (entry.kind, entry.target, entry.parents) == ("attempt", "owl", [])
    assert (entry.revision, entry.is_modified) == (revision, True)  # the caption is not committed
    # The heron is listed, and waits for its turn.
    assert entry.counts == LogCounts(attempts_on_image=1, attempts=2, images=2, plans=1)
    assert entry.question is not None
    assert entry.question.pixels_sha256 == pixels["pixels_sha256"]
    assert entry.question.stated_prompts == ["an owl at night"]
    assert entry.question.checkpoints == {name: identity(name).sha256 for name in CHECKPOINTS}
    assert entry.question.plan_sha256 == sha256_file(PLAN)
    assert read_log().images == {key: name_folder(pixels["pixels_sha256"])}
    entered = json.loads((output_path("attempt", "owl") / "entered.json").read_text())
    assert entered == {"pixels_sha256": pixels["pixels_sha256"]}


def test_the_same_question_is_not_entered_twice(project: Path) -> None:
    run_stage("attempt", ["owl"])
    before = read_log()
    run_stage("attempt", ["owl"])
    commit_all(project, "the entry")
    run_stage("attempt", ["owl"])
    assert read_log() == before
    state_caption("owl", "an owl")
    run_stage("attempt", ["owl"])
    state_caption("owl", None)
    run_stage("attempt", ["owl"])  # asked before, and not by the newest entry
    assert len(entries()) == 2


def test_the_same_image_under_another_name_is_no_other_question(project: Path) -> None:
    run_stage("attempt", ["owl"])
    shutil.rmtree("data/targets/owl")
    prepared(Path("data"), "renamed", scene(0))
    write_image(project, "renamed", scene(0))
    run_stage("attempt", ["renamed"])
    assert [entry.target for entry in entries()] == ["owl"]
    assert (output_path("attempt", "renamed") / "entered.json").is_file()


def test_another_caption_plan_checkpoint_or_image_is_another_question(project: Path) -> None:
    run_stage("attempt", ["owl"])
    entered = (output_path("attempt", "owl") / "entered.json").read_bytes()
    state_caption("owl", "an owl")
    run_stage("attempt", ["owl"])
    change(project, "judge", alpha=COMMITTED["judge"]["alpha"] * 2)
    run_stage("attempt", ["owl"])
    other = identity("own").model_copy(update={"sha256": "9" * 64})
    other.write(output_path("identify", "own") / "checkpoint.json")
    run_stage("attempt", ["owl"])
    # What the next stages depend on is equal, so that they run for their own settings alone.
    assert (output_path("attempt", "owl") / "entered.json").read_bytes() == entered
    run_stage("attempt", ["heron"])
    by_number = sorted(entries(), key=lambda each: (each.counts.attempts, each.target != "owl"))
    assert [each.counts.model_dump() for each in by_number] == [
        {"attempts_on_image": on_image, "attempts": attempts, "images": images, "plans": plans}
        for on_image, attempts, images, plans in [
            (1, 2, 2, 1),
            (2, 3, 2, 1),
            (3, 4, 2, 2),
            (4, 5, 2, 2),
            (1, 5, 2, 2),
        ]
    ]


@pytest.mark.parametrize("is_committed", [False, True])
def test_an_entry_that_was_deleted_from_the_end_is_found_missing_through_git(
    project: Path, is_committed: bool
) -> None:
    """No other entry names it, so that the log alone cannot tell."""
    run_stage("attempt", ["owl"])
    commit_all(project, "an attempt")
    ((key, _),) = read_log().entries.items()
    (path,) = ATTEMPTS.glob(f"*/{key}.json")
    path.unlink()
    if is_committed:
        commit_all(project, "the attempt never was")
    assert entries() == []
    state_caption("owl", "a better caption")
    with pytest.raises(RecordError, match=f"lacks {path}, which Git knows.*git checkout COMMIT"):
        run_stage("attempt", ["owl"])
    assert entries() == []
    git(project, "checkout", "HEAD~1" if is_committed else "HEAD", "--", "data/attempts")
    run_stage("attempt", ["owl"])
    assert len(entries()) == 2


def test_an_altered_entry_stops_the_stage(project: Path) -> None:
    run_stage("attempt", ["owl"])
    (path,) = ATTEMPTS.rglob("*.json")
    before = path.read_text()
    path.write_text(before.replace('"attempts": 2', '"attempts": 1'))
    assert path.read_text() != before
    with pytest.raises(RecordError, match=r"was altered.*Restore it"):
        run_stage("attempt", ["heron"])


def test_without_git_attempts_are_entered_all_the_same(project: Path) -> None:
    shutil.rmtree(".git")
    run_stage("attempt", ["owl"])
    (entry,) = entries()
    assert (entry.revision, entry.is_modified) == ("", False)


def test_a_temporary_workspace_enters_its_attempt_in_the_project_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dvc exp run --temp` works in such a folder, which may be thrown away."""
    workspace = project / ".dvc/tmp/exps/x"
    shutil.copytree(project, workspace, ignore=shutil.ignore_patterns(".dvc"))
    run_stage("attempt", ["heron"])  # in the project only
    monkeypatch.chdir(workspace)
    change(workspace, "judge", alpha=COMMITTED["judge"]["alpha"] * 2)
    run_stage("attempt", ["owl"])
    ((key, entry),) = read_log(workspace).entries.items()
    assert entry.counts == LogCounts(attempts_on_image=1, attempts=2, images=2, plans=2)
    assert read_log(project).entries[key] == entry
    assert len(read_log(project).entries) == 2
    plan = PLANS / f"{sha256_file(PLAN)}.json"
    assert (workspace / plan).read_bytes() == (project / plan).read_bytes() == PLAN.read_bytes()
    shutil.rmtree(workspace)
    monkeypatch.chdir(project)
    run_stage("attempt", ["heron"])
    assert len(entries()) == 2


def test_an_experiment_that_began_before_the_same_question_is_one_attempt_with_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = project / ".dvc/tmp/exps/x"
    shutil.copytree(project, workspace, ignore=shutil.ignore_patterns(".dvc"))
    state_caption("heron", "a heron")  # so that the entries on the owl differ
    run_stage("attempt", ["heron"])
    run_stage("attempt", ["owl"])
    monkeypatch.chdir(workspace)
    run_stage("attempt", ["owl"])
    assert [entry.parents for entry in entries()] == [[]]
    log = read_log(project)
    assert len(log.entries) == 3
    assert log.count_all().attempts == 2


@pytest.mark.slow
def test_an_experiment_of_dvc_that_is_thrown_away_stays_counted(project: Path) -> None:
    """By DVC itself, with this stage alone in the pipeline of the target."""
    about = load_target("owl")
    stage = make_target_pipeline("owl", about, [*CHECKPOINTS], "clean")["stages"]["attempt"]
    pipeline = {"stages": {"attempt": stage}}
    Path("data/targets/owl/dvc.yaml").write_text(yaml.safe_dump(pipeline))
    Path(".gitignore").write_text("/data/attempt/\n")
    init_dvc(project)
    run_dvc("repro", "-R", "data")
    commit_all(project, "an attempt")
    state_caption("owl", "an owl")
    run_dvc("exp", "run", "--temp", "-R", "data")
    run_dvc("exp", "remove", "-A")
    state_caption("owl", None)
    stated = [entry.question.stated_prompts for entry in entries() if entry.question]
    assert stated == [[], ["an owl"]]
    assert [entry.parents for entry in entries()] == [[], [next(iter(read_log().entries))]]
    run_dvc("repro", "-R", "data")
    assert len(entries()) == 2


def run_dvc(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONWARNINGS": "ignore",
        },
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_name_that_is_no_target_is_answered_with_the_known_ones(project: Path) -> None:
    prepared(Path("data"), "owls", scene(0))
    with pytest.raises(ConfigError, match=r"no target `owls`\. Did you mean `owl`\?"):
        run_stage("attempt", ["owls"])
    with pytest.raises(RecordError, match=r"target\.json is missing"):
        run_stage("attempt", ["never-prepared"])
    assert not ATTEMPTS.exists()
