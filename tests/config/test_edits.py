"""An edited params.yaml, or an applied experiment, is never discarded without a word."""

import shutil
from pathlib import Path

import pytest
import yaml
from repositories import commit_all, init_git
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.config.composition import compose_params
from seedwitness.config.edits import COMPOSED, list_differences, remember_composition
from seedwitness.config.reading import load_mapping
from seedwitness.errors import ConfigError

ROOT = Path(__file__).parents[2]
PARAMS = Path("params.yaml")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in Git; the working directory is there."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    init_git(tmp_path)
    commit_all(tmp_path, "first")
    return tmp_path


def edit(**values: object) -> None:
    params = load_mapping(PARAMS)
    for key, value in values.items():
        section, _, name = key.partition("__")
        params[section][name] = value
    PARAMS.write_text(yaml.safe_dump(params, sort_keys=False))


def seedwitness(*line: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, line)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(
    "command",
    [("compose",), ("run",), ("add", "owl.png"), ("remove", "owl"), ("rename", "owl", "heron")],
)
def test_an_edit_stops_every_command_that_composes(project: Path, command: tuple[str, ...]) -> None:
    shutil.copy(ROOT / "docs/images/comes-back.jpg", "owl.png")
    shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
    edit(search__steps=33, judge__alpha=0.05)
    before = {path: path.read_bytes() for path in [PARAMS, *Path("conf").rglob("*.yaml")]}
    code, output = seedwitness(*command)
    assert code == 1
    assert "search.steps: 10 → 33" in output
    assert "judge.alpha: 0.01 → 0.05" in output
    assert "seedwitness config save NAME" in output
    assert "seedwitness compose --discard" in output
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_saved_edit_composes_to_the_edited_file(project: Path) -> None:
    one = load_mapping(PARAMS)["checkpoints"]["lab-clean"]
    edit(search__steps=33, judge__alpha=0.05, checkpoints__mine={**one, "path": "data/lab/mine"})
    edited = load_mapping(PARAMS)
    code, output = seedwitness("config", "save", "mine")
    assert code == 0, output
    assert "experiment=mine" in output
    compose_params(discard=True)
    assert load_mapping(PARAMS) != edited
    assert compose_params(["experiment=mine"])
    assert load_mapping(PARAMS) == edited


def test_discarded_is_discarded(project: Path) -> None:
    before = PARAMS.read_bytes()
    edit(search__steps=33)
    assert seedwitness("compose", "--discard")[0] == 0
    assert PARAMS.read_bytes() == before


def test_an_override_of_the_last_run_is_no_edit(project: Path) -> None:
    assert compose_params(["search.steps=33"])
    assert COMPOSED.is_file()
    assert compose_params(["search.steps=34"])
    assert compose_params()
    assert load_mapping(PARAMS)["search"]["steps"] == 10


def test_a_composition_that_was_killed_before_it_wrote_leaves_no_edit(project: Path) -> None:
    assert compose_params(["search.steps=33"])
    remember_composition(b"what was not written any more", project)
    assert compose_params()
    assert load_mapping(PARAMS)["search"]["steps"] == 10


def test_what_git_has_committed_is_no_edit(project: Path) -> None:
    edit(search__steps=33)
    commit_all(project, "an applied experiment")
    compose_params()
    assert load_mapping(PARAMS)["search"]["steps"] == 10


def test_a_change_of_conf_is_no_edit(project: Path) -> None:
    compose_params()
    path = Path("conf/search/quick.yaml")
    path.write_text(path.read_text().replace("steps: 10", "steps: 12"))
    compose_params()
    assert load_mapping(PARAMS)["search"]["steps"] == 12


def test_without_git_and_record_an_override_still_composes(project: Path) -> None:
    shutil.rmtree(".git")
    assert compose_params(["search.steps=33"])


def test_what_cannot_be_read_is_named(project: Path) -> None:
    PARAMS.write_text("search: [")
    with pytest.raises(ConfigError, match=r"params\.yaml was edited and cannot be read.*--discard"):
        compose_params()
    PARAMS.write_text("7")
    with pytest.raises(ConfigError, match="holds no sections"):
        compose_params()


def test_a_removed_setting_cannot_be_saved(project: Path) -> None:
    params = load_mapping(PARAMS)
    del params["score"]["weights"]["lpips"]
    PARAMS.write_text(yaml.safe_dump(params, sort_keys=False))
    code, output = seedwitness("config", "save", "less")
    assert code == 1
    assert "`score.weights.lpips` was removed" in output


@pytest.mark.parametrize(
    ("name", "words"),
    [("My One", "not valid"), ("quick", "exists"), ("nothing-new", "nothing to save")],
)
def test_what_cannot_be_saved_is_said(project: Path, name: str, words: str) -> None:
    code, output = seedwitness("config", "save", name)
    assert code == 1
    assert words in output


def test_settings_are_shown_whole_by_section_and_by_entry(project: Path) -> None:
    assert yaml.safe_load(CliRunner().invoke(app, ["config", "show"]).output) == load_mapping(
        PARAMS
    )
    output = CliRunner().invoke(app, ["config", "show", "search"]).output
    assert yaml.safe_load(output) == load_mapping(PARAMS)["search"]
    assert seedwitness("config", "show", "judge.alpha") == (0, "0.01")
    code, output = seedwitness("config", "show", "serch")
    assert code == 1
    assert "Did you mean `search`?" in output


def test_a_revision_is_compared(project: Path) -> None:
    assert seedwitness("config", "diff") == (0, "")
    edit(search__steps=33)
    assert seedwitness("config", "diff", "HEAD") == (0, "search.steps: 10 → 33")
    code, output = seedwitness("config", "diff", "nowhere")
    assert code == 1
    assert "Git has no params.yaml at 'nowhere'" in output


def test_differences_are_listed_by_key() -> None:
    composed = {"a": {"b": 1, "c": [1, 2]}, "d": None}
    edited = {"a": {"b": 2, "c": [1, 2], "e": "x"}}
    assert [str(each) for each in list_differences(composed, edited)] == [
        "a.b: 1 → 2",
        "a.e: nothing → x",
        "d: null → nothing",
    ]
