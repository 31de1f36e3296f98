"""`seedwitness run`: composes settings, reports missing inputs, then runs DVC in this terminal."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.shared import finished_project
from PIL import Image
from target_images import write_image

from seedwitness.commands import doctor
from seedwitness.commands.run import format_findings, run_pipeline
from seedwitness.config.composition import compose_params
from seedwitness.config.params import load_params
from seedwitness.errors import ConfigError

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("seedwitness")
DVC_YAML = """\
stages:
  steps:
    cmd: sed -n '/^search:/,/^  steps:/s/^  steps:/  steps:/p' params.yaml > out
    params: [search.steps]
    outs: [{out: {cache: false}}]
  pictures:
    cmd: mkdir -p data/pictures/seen data/pictures/controls data/pictures/known
    outs: [data/pictures/seen, data/pictures/controls, data/pictures/known]
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one small stage under git and DVC; the working directory is there."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    shutil.copytree(ROOT / ".dvc", tmp_path / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for line in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "begin"]):
        subprocess.run([*git, *line], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def create_inputs(checkpoint: Path) -> None:
    """Create a target, copies of a checkpoint, and an empty file for every other missing input."""
    write_image(Path(), "owl", Image.new("RGB", (8, 8)))
    for each in doctor.find_missing_inputs():
        assert each.path is not None
        if each.group == "pictures":
            continue
        if each.group == "checkpoints":
            shutil.copytree(checkpoint, each.path.parent)
            continue
        path = each.path / doctor.CLIP_WEIGHTS[0] if each.name == "clip" else each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_run_composes_and_runs(repository: Path, tiny_checkpoint: Path) -> None:
    params = Path("params.yaml").read_bytes()
    # What the real stages would write, which `run` publishes.
    finished_project.write_project(repository, ["owl"], ["lab-memorised", "lab-clean"])
    Path("params.yaml").write_bytes(params)
    create_inputs(tiny_checkpoint)
    result = subprocess.run(
        [COMMAND, "run", "search.steps=7"], capture_output=True, text=True, check=False
    )
    assert (repository / "out").read_text() == "  steps: 7\n", result.stderr
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "Open reports/index.html in a browser."
    (repository / "dvc.yaml").write_text("stages: {broken: {cmd: exit 3, deps: [params.yaml]}}\n")
    result = subprocess.run([COMMAND, "run"], capture_output=True, text=True, check=False)
    assert result.returncode not in (0, 1) or "failed" in result.stderr
    assert result.returncode != 0
    assert "index.html" not in result.stdout


def test_findings_are_listed_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert format_findings() == ["Open reports/index.html in a browser."]
    (tmp_path / "data/overview").mkdir(parents=True)
    rows = [f"owl-{number}/own,not supported,supported,0.5" for number in range(22)]
    lines = ["case,finding,generated,closest", *rows]
    (tmp_path / "data/overview/cases.csv").write_text("\n".join(lines) + "\n")
    listed = format_findings()
    assert listed[0] == "owl-0 on own: memorised not supported, generated supported"
    assert listed[-3:] == [
        "owl-19 on own: memorised not supported, generated supported",
        "and 2 more cases",
        "Open reports/index.html in a browser.",
    ]


def test_missing_inputs_are_reported_before_dvc_runs(
    repository: Path, tiny_checkpoint: Path
) -> None:
    with pytest.raises(ConfigError, match=r"no target\. `seedwitness add IMAGE` .* more missing"):
        run_pipeline([])
    write_image(repository, "owl", Image.new("RGB", (8, 8))).unlink()
    with pytest.raises(
        ConfigError, match=r"targets, owl: no .*owl\.png.*`dvc pull .*owl\.png\.dvc"
    ):
        run_pipeline([])
    create_inputs(tiny_checkpoint)
    assert not any(each.group != "pictures" for each in doctor.find_missing_inputs())
    assert (repository / "data/targets/owl/dvc.yaml").is_file()  # composed for every target
    (repository / "data/lab/metrics/distance/lpips.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"score\.weights\.lpips: no weights .*conf/score"):
        run_pipeline([])
    assert not (repository / "out").exists()


def test_weights_in_a_folder_are_found(repository: Path, tiny_checkpoint: Path) -> None:
    """A metric may use a folder as downloaded, which is not one of open_clip."""
    create_inputs(tiny_checkpoint)
    folder = repository / "models" / "dinov2-base"
    folder.mkdir(parents=True)
    compose_params(["score=published", "+score.weights.dinov2=models/dinov2-base"])
    assert "score.weights.dinov2" in {each.name for each in doctor.find_missing_inputs()}
    (folder / "model.safetensors").touch()
    assert "score.weights.dinov2" not in {each.name for each in doctor.find_missing_inputs()}


@pytest.mark.slow
def test_dvc_composes_the_same(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    overrides = ["search=default", "search.steps=9", "+checkpoint@checkpoints.more=lab-clean"]
    overrides += ["controls.count=199"]
    home = tmp_path_factory.mktemp("home")
    line = [part for each in overrides for part in ("-S", each)]
    subprocess.run(
        [sys.executable, "-m", "dvc", "exp", "run", "-q", *line],
        check=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(home)},
    )
    by_dvc = (repository / "params.yaml").read_bytes()
    compose_params(overrides)  # also writes the targets' pipelines, which DVC does not
    assert (repository / "params.yaml").read_bytes() == by_dvc
    assert load_params().search.steps == 9
