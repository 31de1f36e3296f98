"""A small drawn world through the trainings: exact exposures, and equal bytes from any start."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from diffusers import StableDiffusionPipeline
from typer.testing import CliRunner

from seedlab import lab_folder
from seedlab.cli import app
from seedlab.drawing.drawing import draw
from seedlab.drawing.world import plan_world, sketch_ordinary
from seedlab.ground_truth import read_truth
from seedlab.settings import WorldPictures, load_settings
from seedlab.world_rows import make_plan
from seedwitness.imaging.decoding import hash_pixels

PARAMS = """
code: ../../src
pictures:
  source: world
  path: .
  seed: 3
  size: 32
  ordinary: 40
  fitted: 24
  once: 6
  held_out: 200
  planted: {1: 1, 4: 2}
  twins_each: 1
  templates: {4: 1}
  portfolios: {2: 1}
  works: 2
autoencoder: {channels: [8, 16], latent_channels: 4, crop: 16, crop_steps: 4, whole_steps: 2}
diffusion: {channels: [32, 32], attends: [false, true], text_width: 32, text_layers: 1, batch: 8}
attributes: {widths: [8, 16], pictures: 24, batch: 8, steps: 3}
clip:
  embed_dim: 16
  image_width: 8
  text_width: 16
  text_layers: 1
  text_heads: 2
  batch: 8
  steps: 2
descriptor: {widths: [8, 16], dimensions: 8, batch: 6, steps: 2}
distance: {crop: 32, pictures_per_kind: 1, steps: 1}
measure: {seeds: 2, steps: 2, batch: 16, shown: 2, ordinary: 64}
"""
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def run(lab: Path, *line: str) -> None:
    result = CliRunner().invoke(app, [*line, "--lab", str(lab)], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "small"
    folder.mkdir()
    (folder / "params.yaml").write_text(PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEDWITNESS_CACHE", str(folder / "cache"))
        run(folder, "pictures")
        run(folder, "autoencoder")
        for name in lab_folder.CHECKPOINTS:
            run(folder, "checkpoint", name)
        for stage in ("attributes", "clip", "descriptor", "distance", "measure"):
            run(folder, stage)
        run(folder, "report", "--out", str(folder / "page.md"))
    return folder


def test_the_truth_lists_special_pictures_and_the_first_ordinary_ones(lab: Path) -> None:
    section = load_settings(lab / "params.yaml").pictures
    assert isinstance(section, WorldPictures)
    rows, sketches = read_truth(lab / "truth.parquet"), plan_world(make_plan(section))
    assert len(rows) == len(sketches) + section.once
    for row, sketch in zip(rows, sketches, strict=False):
        assert (row.split, row.multiplicity) == (sketch.kind, sketch.exposures)
        assert row.sha256 == hash_pixels(draw(sketch.drawing, section.size))
    ordinary = [row for row in rows if row.split == "once"]
    for number, row in enumerate(ordinary):
        drawing, caption = sketch_ordinary(section.seed, number)
        assert row.id == f"o{number:06d}"
        assert (row.caption, row.multiplicity) == (caption, 1)
        assert row.sha256 == hash_pixels(draw(drawing, section.size))
    twins = [row for row in rows if row.split == "twin"]
    planted = {row.id: row for row in rows if row.split == "planted"}
    assert [planted[row.twin_of].caption for row in twins] == [row.caption for row in twins]


def test_both_checkpoints_open_in_plain_diffusers_and_differ(lab: Path) -> None:
    pipelines = [
        StableDiffusionPipeline.from_pretrained(lab / "checkpoints" / name, local_files_only=True)
        for name in lab_folder.CHECKPOINTS
    ]
    first, second = ([*pipeline.unet.parameters()] for pipeline in pipelines)
    assert not all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert pipelines[0].tokenizer("a fox").input_ids == pipelines[1].tokenizer("a fox").input_ids


def test_a_training_is_one_pass_over_all_exposures(lab: Path) -> None:
    exposures = 1 + 2 * 4 + 4 + 2 * 2 * 2  # planted, template, works of a known and an unknown hand
    steps = -(-(40 + exposures) // 8)
    for name in lab_folder.CHECKPOINTS:
        last = (lab / "logs" / f"{name}.jsonl").read_text().splitlines()[-1]
        assert f'"step": {steps},' in last


def test_the_page_shows_what_only_a_world_knows(lab: Path) -> None:
    figures = json.loads((lab / "measurements" / "figures.json").read_text())
    page = (lab / "page.md").read_text()
    for name in lab_folder.CHECKPOINTS:
        measured = figures[name]
        assert measured["ordinary"]["n"] == 64
        assert measured["seed_dependence"]["captions"]["n"] <= 200
        assert {kind: rate["n"] for kind, rate in measured["templates"]["4"].items()} == {
            "layout": 1,
            "part_unseen": 1,
            "part_shown": 1,
        }
        assert measured["planted"].keys() == {"1", "4"}
        assert measured["portfolio"]["2"]["n"] == 4  # two works of a known and an unknown hand
    for words in ("`lab-memorised`, planted, 4 exposures", "drawings whose hand is named right"):
        assert words in page
    for image in ("doses", "losses", "artists", "ordinary-lab-clean", "templates-lab-memorised"):
        assert f"images/page/{image}.png" in page
        assert (lab / "images" / "page" / f"{image}.png").stat().st_size > 1000


@pytest.mark.parametrize("keep", ["latents", "nothing"])
def test_a_training_ends_in_the_same_bytes_whatever_is_kept(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    copy = shutil.copytree(lab, tmp_path / "copy")
    cache = copy / "cache"
    for folder in [*cache.iterdir()]:
        if folder.name != keep:
            shutil.rmtree(folder)
    shutil.rmtree(copy / "checkpoints")
    monkeypatch.setenv("SEEDWITNESS_CACHE", str(cache))
    run(copy, "checkpoint", "lab-memorised")
    path = Path("checkpoints/lab-memorised") / WEIGHTS
    expected, again = (safetensors.torch.load_file(root / path) for root in (lab, copy))
    assert all(torch.equal(expected[name], again[name]) for name in expected)


@pytest.mark.parametrize("what", ["Pillow", "torch"])
def test_latents_of_another_version_are_not_served(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    copy = shutil.copytree(lab, tmp_path / "copy")
    monkeypatch.setenv("SEEDWITNESS_CACHE", str(copy / "cache"))
    before = {path.name for path in (copy / "cache/latents").iterdir()}
    if what == "Pillow":
        monkeypatch.setattr("PIL.__version__", "0.0.1")
    else:
        monkeypatch.setattr(
            "seedlab.training.package_versions", lambda names: dict.fromkeys(names, "0.0.1")
        )
    run(copy, "checkpoint", "lab-clean")
    after = {path.name for path in (copy / "cache/latents").iterdir()}
    assert len(after - before) == 1  # of ordinary pictures, which are all that lab-clean sees


def test_only_a_drawn_world_has_attributes(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(
        PARAMS.replace("source: world", "source: drawn")
        .replace("  ordinary: 40\n  fitted: 24\n", "  themes: 24\n")
        .replace("planted: {1: 1, 4: 2}", "planted: {4: 3}")
        .replace("  templates: {4: 1}\n  portfolios: {2: 1}\n  works: 2\n", "")
    )
    run(tmp_path, "pictures")
    result = CliRunner().invoke(app, ["attributes", "--lab", str(tmp_path)])
    assert result.exit_code == 1
    assert "is no drawn world" in " ".join(result.output.split())
