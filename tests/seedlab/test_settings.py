"""The settings of a lab: parsing, and errors that name the key."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from seedlab.cli import app
from seedlab.settings import DrawnPictures, FolderPictures, load_settings
from seedwitness.errors import ConfigError

LAB = Path(__file__).parents[2] / "data" / "lab"
PARAMS = """\
code: ../../src
pictures:
  source: drawn
  path: ../../src/seedlab/drawing
  seed: 1
  size: 64
  themes: 60
  once: 20
  held_out: 5
  planted: {8: 2, 32: 2}
  twins_each: 1
autoencoder:
  channels: [16, 32, 64]
  learning_rate: 1e-3
diffusion: {}
"""


def write_params(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text)
    return path


def test_a_section_is_read_as_its_class(tmp_path: Path) -> None:
    settings = load_settings(write_params(tmp_path, PARAMS))
    assert isinstance(settings.pictures, DrawnPictures)
    assert settings.pictures.planted == {8: 2, 32: 2}
    assert settings.source_path == tmp_path / "../../src/seedlab/drawing"
    assert settings.autoencoder.channels == (16, 32, 64)
    assert settings.autoencoder.learning_rate == 0.001  # text in YAML 1.1
    assert settings.autoencoder.latent_channels == type(settings.autoencoder)().latent_channels


def test_a_folder_is_another_source(tmp_path: Path) -> None:
    text = PARAMS.replace("drawn", "folder").replace("  themes: 60\n  once: 20\n", "")
    assert isinstance(load_settings(write_params(tmp_path, text)).pictures, FolderPictures)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 1", "sede: 1", "`pictures.sede`: unknown key"),
        ("seed: 1", "seed: ???", "`pictures.seed` has no value"),
        ("seed: 1", "seed: one", "`pictures.seed`: Input should be a valid integer"),
        ("  seed: 1\n", "", "`pictures.seed`: Field required"),
        ("size: 64", "size: 100", "`pictures.size`: Input should be 32, 64, 128 or 256"),
        ("source: drawn", "source: dreamt", "'dreamt'. Known are: drawn, folder"),
        ("{8: 2", "{1: 2", "`pictures.planted"),
        ("{8: 2, 32: 2}", "{8: 2, 32: 200}", "no more pictures than themes"),
        ("twins_each: 1", "twins_each: 3", "no more twins than pictures of each multiplicity"),
        ("diffusion:", "difusion:", "unknown section `difusion`"),
        ("seed: 1", "seed: 1\n  seed: 2", "duplicate key seed"),
        ("seed: 1", "seed: [1", "cannot be read as YAML"),
        (PARAMS, "- 1", "must consist of sections"),
        (PARAMS, "code: x", "no section `pictures`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_params(tmp_path, PARAMS.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("learning_rate", "leaning_rate", "unknown key `autoencoder.leaning_rate`"),
        ("1e-3", "fast", "`autoencoder.learning_rate`: Input should be a valid number"),
        ("autoencoder:\n  channels: [16, 32, 64]\n  learning_rate: 1e-3\n", "", "no section"),
    ],
)
def test_a_mistake_of_a_training_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    settings = load_settings(write_params(tmp_path, PARAMS.replace(old, new)))
    with pytest.raises(ConfigError, match=message):
        _ = settings.autoencoder


def test_a_folder_that_is_not_a_lab_says_how_to_create_one(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["pictures", "--lab", str(tmp_path)])
    assert ended.exit_code == 1
    assert f"{tmp_path} is not a lab" in ended.stderr
    assert "seedlab new" in ended.stderr


@pytest.mark.parametrize(
    "section", ["autoencoder", "diffusion", "clip", "descriptor", "distance", "measure"]
)
def test_the_settings_of_the_drawn_lab_are_valid(section: str) -> None:
    settings = load_settings(LAB / "params.yaml")
    assert getattr(settings, section) is not None


def test_every_stage_is_a_command_and_every_dependency_is_there() -> None:
    settings = load_settings(LAB / "params.yaml")
    stages = yaml.safe_load((LAB / "dvc.yaml").read_text())["stages"]
    commands = {info.callback.__name__ for info in app.registered_commands if info.callback}
    outputs = {"autoencoder", "clip", "truth.parquet", "world.json"}
    for name, stage in stages.items():
        assert name in commands
        assert stage["cmd"].startswith(f"seedlab {name}")
        for dependency in stage["deps"]:
            path = dependency.replace("${code}", settings.code)
            path = path.replace("${pictures.path}", str(settings.pictures.path))
            if path in outputs or path.startswith(("checkpoints/", "metrics/")):
                continue
            assert (LAB / path).exists(), f"{name}: {dependency}"
