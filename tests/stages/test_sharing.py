"""What goes wrong where a project is shared: each fault is named, and its remedy is followed."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from travelling import ran, results, run

from seedwitness.records.attempts import read_outcomes, require_whole_log

pytestmark = pytest.mark.slow

REPORT = "data/targets/target-0/dvc.yaml:report"
LOCKS = ("dvc.lock", "data/targets/target-0/dvc.lock", "params.yaml")


@pytest.fixture(scope="module")
def workspace(served: None, origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with everything, published; each test leaves it as it was."""
    home = tmp_path_factory.mktemp("sharing")
    run(home, "git", "clone", "-q", "--bare", str(origin.parent / "hub.git"), "hub.git")
    run(home, "git", "clone", "-q", "hub.git", "workspace")
    run(home / "workspace", "dvc", "pull", "-q")
    run(home / "workspace", "seedwitness", "publish")
    return home / "workspace"


def count_attempts(root: Path) -> int:
    evidence = json.loads((root / "reports/target-0/evidence.json").read_text())
    return int(evidence["attempt"]["counts"]["attempts_on_image"])


def test_a_target_that_was_changed_is_named_and_brought_back(origin: Path, workspace: Path) -> None:
    path = workspace / "data/targets/target-0/target-0.png"
    name = path.relative_to(workspace)
    Image.new("RGB", (40, 30), "teal").save(path)
    said = run(workspace, "seedwitness", "doctor", code=1)
    assert f"{name} is another image than the one that was added" in said
    said = run(workspace, "seedwitness", "run", code=255)  # DVC's own
    assert f"{name} is another image than the one that was added as target-0" in said
    # DVC has written the hash of the other image into the .dvc file by now.
    remedy = (f"git checkout HEAD -- {name}.dvc", f"dvc checkout {name}.dvc")
    assert all(f"`{command}`" in said for command in remedy)
    path.unlink()
    for command in remedy:
        run(workspace, *command.split())
    assert ran(run(workspace, "dvc", "repro")) == []
    assert results(workspace) == results(origin)
    assert run(workspace, "git", "status", "--short") == ""


def test_an_edited_entry_is_named_and_restored_even_if_it_was_committed(workspace: Path) -> None:
    (entry,) = (workspace / "data/attempts").glob("*/*.json")
    whole, name = entry.read_bytes(), str(entry.relative_to(workspace))
    entry.write_bytes(whole.replace(b"target-0", b"target-9"))
    for command in ("run", "doctor"):
        said = run(workspace, "seedwitness", command, code=1)
        assert f"{name} was altered: its SHA-256 is not its name" in said
        assert f"`git checkout HEAD -- {name}`" in said
    run(workspace, "git", "commit", "-qam", "nobody will see")
    run(workspace, "git", "checkout", "HEAD", "--", name)
    assert "was altered" in run(workspace, "seedwitness", "run", code=1)
    search = ("git", "log", "--diff-filter=A", "--format=%h", "--", name)
    assert " ".join(search).replace(" --format=%h", "") in said
    run(workspace, "git", "checkout", run(workspace, *search).strip(), "--", name)
    assert entry.read_bytes() == whole
    run(workspace, "git", "reset", "-q", "--hard", "HEAD~1")
    assert "log of attempts" in run(workspace, "seedwitness", "doctor")


def test_an_experiment_whose_value_dvc_reads_otherwise_is_refused(
    workspace: Path,
) -> None:
    said = run(workspace, "dvc", "exp", "run", "-S", "report.title=0o17", code=255)
    assert "`report.title` is '0o17' in YAML 1.1 and 15 in YAML 1.2" in said
    assert "Choose another name or value" in said
    run(workspace, "git", "checkout", "-q", "--", ".")


def test_a_moved_project_is_up_to_date_and_its_artifacts_open(workspace: Path) -> None:
    moved = workspace.rename(workspace.with_name("moved"))
    try:
        assert ran(run(moved, "seedwitness", "run")) == []
        with closing(sqlite3.connect(moved / "mlflow.db")) as database:
            (location,) = database.execute(
                "select artifact_location from experiments where name = 'seedwitness'"
            ).fetchone()
            uris = [uri for (uri,) in database.execute("select artifact_uri from runs")]
        assert location == (moved / "mlartifacts").as_uri()
        assert uris
        for uri in uris:
            folder = Path(urlsplit(uri).path)
            assert folder.is_relative_to(moved)
            assert any(folder.iterdir())
    finally:
        moved.rename(workspace)


def test_of_two_who_push_at_once_one_merges_and_both_are_counted(
    workspace: Path, tmp_path: Path
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for clone, alpha in ((mine, "0.3"), (theirs, "0.4")):
        shutil.copytree(workspace, clone, symlinks=True)
        run(clone, "seedwitness", "compose", f"judge.alpha={alpha}")
        run(clone, "dvc", "repro", REPORT)
        assert count_attempts(clone) == 2
        run(clone, "git", "add", "-A")
        run(clone, "git", "commit", "-qm", f"alpha {alpha}")
        run(clone, "dvc", "push", "-q")
    run(theirs, "git", "push", "-q", "origin", "main")
    assert "rejected" in run(mine, "git", "push", "origin", "main", code=1)

    conflicts = run(mine, "git", "pull", "-q", "--no-rebase", "origin", "main", code=1)
    unmerged = run(mine, "git", "diff", "--name-only", "--diff-filter=U").split()
    assert set(unmerged) == set(LOCKS), conflicts
    run(mine, "git", "checkout", "--ours", "--", *LOCKS)
    run(mine, "git", "commit", "-qam", "both")
    log = require_whole_log(mine)
    assert len(log.entries) == 3
    assert len(log.heads) == 2
    run(mine, "dvc", "repro", REPORT)
    assert count_attempts(mine) == 3
    run(mine, "git", "add", "-A")
    run(mine, "git", "commit", "-qm", "the reports count both")
    run(mine, "dvc", "push", "-q")
    run(mine, "git", "push", "-q", "origin", "main")

    run(theirs, "git", "pull", "-q", "origin", "main")
    run(theirs, "dvc", "pull", "-q")
    assert results(theirs) == results(mine)
    assert require_whole_log(theirs) == log
    (image,) = (theirs / "data/outcomes").iterdir()
    assert {outcome.attempt for outcome in read_outcomes(image)} == set(log.entries)
