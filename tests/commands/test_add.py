"""`seedwitness add`: an image becomes a target, whatever its name and its caption."""

import random
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands import add
from seedwitness.config.composition import compose_params
from seedwitness.config.params import load_params
from seedwitness.config.target_list import read_target_list, set_target, write_target_list
from seedwitness.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``conf/``; the working directory is there."""
    shutil.copytree(CONF, tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path: Path, seed: int = 1) -> Path:
    rng = random.Random(seed)
    Image.frombytes("RGB", (16, 16), rng.randbytes(16 * 16 * 3)).save(path)
    return path


def test_an_image_becomes_a_target(project: Path, tmp_path: Path) -> None:
    caption = "“an owl”,\n<b>at night</b>: {a} ${b} \\${c} 'd' # e"
    before = Path("conf/targets.yaml").read_text(encoding="utf-8").splitlines()
    image = picture(tmp_path / "my Owl.png")
    result = CliRunner().invoke(app, ["add", str(image), "--caption", caption])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("data/targets/my-owl.png is the target my-owl. ")
    assert (project / "data/targets/my-owl.png").read_bytes() == image.read_bytes()
    params = load_params()
    assert list(params.targets)[-1] == "my-owl"
    added = params.targets["my-owl"]
    assert (added.path, added.caption) == (Path("data/targets/my-owl.png"), caption)
    after = Path("conf/targets.yaml").read_text(encoding="utf-8").splitlines()
    assert after[: len(before)] == before


def test_an_empty_list_can_be_extresult(project: Path, tmp_path: Path) -> None:
    path = project / "conf/targets.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("targets:")] + "targets:\n", encoding="utf-8")
    add.add_target(picture(tmp_path / "owl.png"))
    assert list(load_params().targets) == ["owl"]


def test_the_same_image_again(project: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "owl.png")
    assert add.add_target(image).is_new
    once = Path("conf/targets.yaml").read_bytes()
    assert not add.add_target(image).is_new
    assert Path("conf/targets.yaml").read_bytes() == once
    add.add_target(image, caption="an owl")
    assert load_params().targets["owl"].caption == "an owl"
    with pytest.raises(ConfigError, match="The target owl exists already"):
        add.add_target(picture(tmp_path / "other.png", 2), name="owl")
    assert project == Path.cwd()


def test_an_image_that_was_copied_before_a_kill_is_listed(project: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "owl.png")
    (project / "data" / "targets").mkdir(parents=True)
    shutil.copy(image, project / "data" / "targets" / "owl.png")
    add.add_target(image)
    assert load_params().targets["owl"].path == Path("data/targets/owl.png")


@pytest.mark.parametrize(
    ("caption", "message"), [("\udcff", "not valid Unicode text"), ("\x85", r"U\+0085")]
)
def test_a_caption_that_yaml_cannot_hold_is_refused(
    project: Path, tmp_path: Path, caption: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        add.add_target(picture(tmp_path / "owl.png"), caption=caption)
    assert not (project / "data").exists()
    assert (project / "conf/targets.yaml").read_bytes() == (CONF / "targets.yaml").read_bytes()


def test_any_caption_and_any_name_survive(project: Path) -> None:
    """They are written as by `add`, and read back through Hydra and both YAML readers."""
    rng = random.Random(1)
    pieces = ["${", "$", "{", "}", "\\", "\\\\", "'", '"', "\n", " ", "  ", "\t", ": ", " #", "-"]
    pieces += [
        "a",
        "é",
        "漢",
        "🦉",
        "\u2028",
        "\x00",
        "\x07",
        "\ufeff",
        "<b>",
        "&",
        "%",
        "@",
    ]
    pieces += ["null", "~", "1e3", "${oc.env:HOME}", "\\${x}", "!!python/name:os.system", "*a"]
    captions = ["".join(rng.choices(pieces, k=rng.randint(0, 12))) for _ in range(300)]
    captions += ["on", "null", "", " ", "1", "1.5", "2024-01-01", "=", "<<", "x" * 10_000]
    captions += ["???", "????", "${", "$${", "${${a}}"]
    names = [f"target-{number}" for number in range(len(captions))]
    odd = ["on", "off", "no", "y", "null", "true", "nan", "1", "007", "0x1f", "1e3", "1_000"]
    odd += ["2024-01-01", "a_b", "0b1", "inf", "path", "0o7", "12e03", "false", "12-34", "1_0_0"]
    entries = dict(zip([*names, *odd], [*captions, *odd], strict=True))
    document = read_target_list()
    for name, caption in entries.items():
        set_target(document, name, Path(f"data/targets/{name}.png"), caption)
    write_target_list(document)
    assert set(entries) <= set(read_target_list()["targets"])
    compose_params()
    targets = load_params().targets
    assert {name: targets[name].caption for name in entries} == entries
    assert project == Path.cwd()
