"""Names and values that YAML 1.1 and 1.2 read differently, at every door of the settings."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.config.composition import compose_params
from seedwitness.config.reading import load_mapping
from seedwitness.errors import ConfigError

ROOT = Path(__file__).parents[2]
CHECKPOINT = "family: diffusers\npath: models/own\nwatch: models/own\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what params.yaml is composed from; the working directory is there."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "conf/checkpoint/own.yaml").write_text(CHECKPOINT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_as_dvc() -> Any:
    return YAML(typ="safe").load(Path("params.yaml").read_text())


@pytest.mark.parametrize("title", ["0o17", "08_", "'0o17'"])
def test_a_value_that_dvc_reads_otherwise_is_refused(project: Path, title: str) -> None:
    before = Path("params.yaml").read_bytes()
    with pytest.raises(ConfigError, match=r"`report.title` is '.+' in YAML 1.1 and \d+ in YAML 1"):
        compose_params([f"report.title={title}"])
    assert Path("params.yaml").read_bytes() == before
    assert project == Path.cwd()


@pytest.mark.parametrize("title", ["yes", "on", "'null'", "'1e3'", "'1_000'", "0x1f", "'12'"])
def test_a_text_is_carried_through_as_it_is(project: Path, title: str) -> None:
    compose_params([f"report.title={title}"])
    text = title.strip("'")
    assert load_mapping(Path("params.yaml"))["report"]["title"] == text
    assert read_as_dvc()["report"]["title"] == text
    assert project == Path.cwd()


@pytest.mark.parametrize("title", ["null", "1e3", "1_000", "12"])
def test_what_hydra_takes_for_no_text_is_refused(project: Path, title: str) -> None:
    with pytest.raises(ConfigError, match=r"`report.title`: Input should be a valid string"):
        compose_params([f"report.title={title}"])
    assert project == Path.cwd()


def test_a_number_by_hand_that_only_one_reads_as_a_number_is_refused(project: Path) -> None:
    text = Path("params.yaml").read_text().replace("alpha: 0.01", "alpha: 1e-2", 1)
    Path("params.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"is '1e-2' in YAML 1.1 and 0.01 in YAML 1.2.*digits"):
        load_mapping(Path("params.yaml"))
    assert project == Path.cwd()


@pytest.mark.parametrize("name", ["yes", "null", "on", "12"])
def test_a_checkpoint_of_such_a_name_is_carried_through(project: Path, name: str) -> None:
    compose_params([f"+checkpoint@checkpoints.{name}=own", "controls.count=199"])
    assert name in load_mapping(Path("params.yaml"))["checkpoints"]
    assert name in read_as_dvc()["checkpoints"]
    assert project == Path.cwd()


@pytest.mark.parametrize("name", ["0o17", "08_", "1e3"])
def test_a_checkpoint_that_an_override_cannot_name_is_refused(project: Path, name: str) -> None:
    override = f"+checkpoint@checkpoints.{name}=own"
    with pytest.raises(ConfigError, match=f"Hydra takes `{name}` for a number: .* begin with a le"):
        compose_params([override, "controls.count=199"])
    assert project == Path.cwd()


def test_a_checkpoint_in_a_file_that_dvc_would_rename_is_refused(project: Path) -> None:
    path = project / "conf/config.yaml"
    line = "  - checkpoint@checkpoints.lab-clean: lab-clean\n"
    assert line in path.read_text()
    path.write_text(path.read_text().replace(line, f"{line}  - checkpoint@checkpoints.0o17: own\n"))
    with pytest.raises(ConfigError, match=r"`checkpoints.0o17` is the name '0o17' in YAML 1.1 and"):
        compose_params(["controls.count=199"])


@pytest.mark.parametrize("name", ["null", "1e3", "12", "true"])
def test_an_experiment_is_not_kept_under_a_name_that_is_no_text(project: Path, name: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["report"]["title"] = "edited"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    result = CliRunner().invoke(app, ["config", "save", name])
    assert result.exit_code == 1
    assert "Choose another name" in result.output
    assert not (project / f"conf/experiment/{name}.yaml").exists()


@pytest.mark.parametrize("name", ["0o17", "08_", "yes", "on"])
def test_an_experiment_of_an_odd_name_is_kept_and_found(project: Path, name: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["report"]["title"] = "edited"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert CliRunner().invoke(app, ["config", "save", name]).exit_code == 0
    compose_params([f"experiment={name}"], discard=True)
    assert load_mapping(Path("params.yaml"))["report"]["title"] == "edited"
    assert project == Path.cwd()


@pytest.mark.parametrize("value", ["null", "12", "true"])
def test_a_group_whose_file_is_no_text_is_refused(project: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="The value of a group is the name of a file of conf/"):
        compose_params([f"search={value}"])
    assert project == Path.cwd()
