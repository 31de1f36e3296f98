"""A small project: the committed settings, two tiny checkpoints, two targets, six controls."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file
from target_images import write_image

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.stages import run_stage

ROOT = Path(__file__).parents[2]
LAB = ROOT / "data" / "lab"
UNET = "unet/diffusion_pytorch_model.safetensors"
PLAN = plan_sketches(3, themes=12, once=12, held_out=0, planted={}, twins_each=0)


def lay_out_small_project(root: Path, checkpoint: Path) -> None:
    """Lay the project out in an empty folder; checkpoint ``clean`` has another last layer."""
    for name in ("own", "clean"):
        shutil.copytree(checkpoint, root / "models" / name)
    state = load_file(root / "models/clean" / UNET)
    state["conv_out.weight"] *= -1
    save_file(state, root / "models/clean" / UNET, {"format": "pt"})
    _folder(root / "pictures/seen", range(6))
    _folder(root / "pictures/outside", range(6, 12))
    write_image(root, "owl", Image.open(root / "pictures/outside/7.png"))  # a control, too
    write_image(root, "flat", Image.new("RGB", (40, 30), "teal"))
    (root / "params.yaml").write_text(yaml.safe_dump(_params(), sort_keys=False))


@pytest.fixture(scope="session")
def small_project(tiny_checkpoint: Path) -> Callable[[Path], None]:
    """Lays the project out in an empty folder."""
    return partial(lay_out_small_project, checkpoint=tiny_checkpoint)


@pytest.fixture(scope="session")
def every_stage() -> Callable[[], None]:
    """Runs all stages of the small project, one after the other; the working directory is there."""

    def run_all() -> None:
        for stage in ("materials", "plan"):
            run_stage(stage, [])
        for name in ("own", "clean"):
            run_stage("identify", [name])
        run_stage("index", [])
        for target in ("owl", "flat"):
            for stage in ("prepare", "attempt", "recover", "lookup"):
                run_stage(stage, [target])
        for stage in ("search", "scan", "reach", "replay", "score"):
            for target in ("owl", "flat"):
                for name in ("own", "clean"):
                    run_stage(stage, [target, name])
        for name in ("own", "clean"):
            run_stage("controls", [name])
        for target in ("owl", "flat"):
            run_stage("judge", [target])
        for target in ("owl", "flat"):
            run_stage("report", [target])
        for stage in ("overview", "publish"):
            run_stage(stage, [])

    return run_all


@pytest.fixture(scope="session")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
    small_project: Callable[[Path], None],
    every_stage: Callable[[], None],
) -> Path:
    """The small project after all of its stages."""
    root = tmp_path_factory.mktemp("whole")
    small_project(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        every_stage()
    return root


@pytest.fixture
def here(whole: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(whole)
    return whole


def _folder(path: Path, numbers: range) -> None:
    path.mkdir(parents=True)
    lines = []
    for number in numbers:
        draw_picture(PLAN[number].theme, PLAN[number].seed, 64).save(path / f"{number}.png")
        lines.append({"file_name": f"{number}.png", "text": PLAN[number].wordings[0]})
    (path / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _params() -> dict[str, object]:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["checkpoints"] = {
        name: {"family": "diffusers", "path": f"models/{name}", "watch": f"models/{name}"}
        for name in ("own", "clean")
    }
    params["corpus"] |= {"path": "pictures/seen"}
    params["corpus"]["descriptor"] = str(LAB / "metrics/descriptor/descriptor.pt")
    params["clip"]["path"] = params["clip"]["watch"] = str(LAB / "clip")
    params["score"]["watch"] = str(LAB / "dvc.lock")
    params["search"] |= {"budget_nfe": 24, "steps": 2, "batch": 4, "shard": 4}
    params["scan"] |= {"end_seed": 65_536, "steps": 2}
    params["scan"]["recipe_fit"] |= {"guidances": [3.0], "steps": [2]}
    params["score"]["metrics"].append("clip-text")
    weights = params["score"]["weights"] | {"clip-text": params["score"]["weights"]["clip"]}
    params["score"]["weights"] = {name: str(ROOT / path) for name, path in weights.items()}
    params["controls"] |= {"path": "pictures/outside", "count": 6, "watch": "pictures"}
    params["controls"]["learned"] |= {"folders": {"own": "pictures/seen"}, "count": 4}
    params["judge"] |= {"reference": "clean", "min_controls": 4, "alpha": 0.2}
    return dict(params)
