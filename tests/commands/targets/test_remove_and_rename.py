"""`seedwitness remove` and `rename`: what goes, what moves, and what the log keeps."""

from pathlib import Path

import pytest
from repositories import commit_all
from target_projects import contents, enter_attempt, write_outputs
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands.targets import add_targets, remove_target, rename_target
from seedwitness.config.target_pipeline import list_output_paths
from seedwitness.config.targets import FOLDER, list_targets, load_target
from seedwitness.errors import ConfigError
from seedwitness.records.attempts import (
    ATTEMPTS,
    LogCounts,
    name_folder,
    read_log,
)


def test_a_removed_target_takes_its_folder_and_its_results_with_it(
    project: Path, images: Path
) -> None:
    add_targets([images])
    assert all(not path.exists() for path in list_output_paths("a"))
    outputs = write_outputs("a") + write_outputs("b")
    (project / "data/targets/a/dvc.lock").write_text("schema: '2.0'\n")
    commit_all(project, "results")
    others = {name: contents(FOLDER / name) for name in "bc"}
    result = CliRunner().invoke(app, ["remove", "a"])
    assert result.exit_code == 0, result.output
    assert "a is removed, with its results. What stays: 0 entries in the log" in result.stdout
    assert list(list_targets()) == ["b", "c"]
    assert {name: contents(FOLDER / name) for name in "bc"} == others
    left = [path for path in project.rglob("*") if "a" in path.relative_to(project).parts]
    assert left == []  # not even an empty folder
    assert {path for path in outputs if path.exists()} == set(list_output_paths("b"))
    assert not ATTEMPTS.exists()  # nothing was ever asked here


def test_the_log_keeps_a_removed_target_and_counts_it_for_those_that_stay(
    project: Path, images: Path
) -> None:
    add_targets([images])
    pixels = {name: target.pixels_sha256 for name, target in list_targets().items()}
    keys = [enter_attempt("a", "an owl", 1), enter_attempt("b", "a heron", 2)]
    keys.append(enter_attempt("a", "a snowy owl", 3))
    revision = commit_all(project, "attempts")
    before = contents(ATTEMPTS)
    assert remove_target("a").attempts == 2
    assert before.items() <= contents(ATTEMPTS).items()
    log = read_log()
    assert list(log.entries)[:3] == keys
    removals = {log.images[key]: log.entries[key] for key in list(log.entries)[3:]}
    # Of c nothing was asked: no report of it is there to count anything.
    assert set(removals) == {name_folder(pixels[name]) for name in "ab"}
    for name, attempts in (("a", 2), ("b", 1)):
        entry = removals[name_folder(pixels[name])]
        assert (entry.kind, entry.target, entry.question) == ("removal", "a", None)
        assert (entry.revision, entry.parents) == (revision, [keys[2]])
        # Of the three images c is listed, and nothing was asked of it yet.
        assert entry.counts == LogCounts(attempts_on_image=attempts, attempts=4, images=3, plans=1)
    after = enter_attempt("b", "a night heron", 59)
    assert len(read_log().entries[after].parents) == 2  # both removals
    assert read_log().entries[after].counts.attempts == 4


def test_a_target_that_was_removed_can_be_added_again(project: Path, images: Path) -> None:
    add_targets([images / "a.png"])
    enter_attempt("a", "an owl", 1)
    remove_target("a")
    add_targets([images / "a.png"])
    assert list(list_targets()) == ["a"]
    assert (FOLDER / "a" / "dvc.yaml").is_file()
    key = enter_attempt("a", "a snowy owl", 59)
    assert read_log().entries[key].counts.attempts_on_image == 2
    assert project == Path.cwd()


def test_an_unknown_target_is_answered_with_the_known_ones(project: Path, images: Path) -> None:
    add_targets([images / "a.png"], name="owl")
    for command in (["remove", "owk"], ["rename", "owk", "heron"]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 1
        assert "There is no target `owk`. Did you mean `owl`?" in result.output
    assert list(list_targets()) == ["owl"]
    assert project == Path.cwd()


def test_a_renamed_target_keeps_its_image_and_its_caption(project: Path, images: Path) -> None:
    add_targets([images / "a.png"], caption="an owl")
    add_targets([images / "b.png"])
    enter_attempt("a", "an owl", 1)
    outputs = write_outputs("a")
    before, log = load_target("a"), contents(ATTEMPTS)
    result = CliRunner().invoke(app, ["rename", "a", "owl"])
    assert result.exit_code == 0, result.output
    assert result.stdout == "data/targets/owl/owl.png is the target owl, which was a.\n"
    assert list(list_targets()) == ["b", "owl"]
    after = load_target("owl")
    assert (after.caption, after.pixels_sha256) == ("an owl", before.pixels_sha256)
    folder = project / "data/targets/owl"
    assert (folder / "owl.png").read_bytes() == (images / "a.png").read_bytes()
    assert {path.name for path in folder.iterdir()} == {
        "dvc.yaml",
        "owl.png",
        "owl.png.dvc",
        "target.yaml",
    }
    assert not (FOLDER / "a").exists()
    assert not any(path.exists() for path in outputs)
    assert contents(ATTEMPTS) == log  # nothing new is asked


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("b", "There is a target b already"),
        ("a", "There is a target a already"),
        ("My Owl", "Use `my-owl`, for example"),
        ("../b", "is not valid as the name of a target"),
    ],
)
def test_a_new_name_that_is_taken_or_not_valid_is_refused(
    project: Path, images: Path, new: str, message: str
) -> None:
    add_targets([images / "a.png", images / "b.png"])
    before = contents(project / "data")
    with pytest.raises(ConfigError, match=message):
        rename_target("a", new)
    assert contents(project / "data") == before


def test_a_target_whose_image_is_missing_is_not_renamed(project: Path, images: Path) -> None:
    (added,) = add_targets([images / "a.png"])
    added.path.unlink()
    with pytest.raises(ConfigError, match=r"a\.png is missing: `dvc checkout .*a\.png\.dvc`"):
        rename_target("a", "owl")
    assert [path.name for path in (project / "data/targets").iterdir()] == ["a"]
