"""A small lab through all stages, the measurement and the report."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from diffusers import StableDiffusionPipeline
from typer.testing import CliRunner

from seedlab import lab_folder
from seedlab.cli import app

PARAMS = """
code: ../../src
pictures:
  source: drawn
  path: .
  seed: 3
  size: 32
  themes: 24
  once: 24
  held_out: 200
  planted: {8: 2, 32: 2}
  twins_each: 1
  variants: 2
autoencoder: {channels: [8, 16], latent_channels: 4, crop: 16, crop_steps: 4, whole_steps: 2}
diffusion:
  channels: [32, 32]
  attends: [false, true]
  text_width: 32
  text_layers: 1
  batch: 4
  steps: 3
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
measure: {seeds: 2, steps: 2, batch: 16, shown: 2}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the lab after all stages."""
    folder = tmp_path_factory.mktemp("lab") / "small"
    folder.mkdir()
    (folder / "params.yaml").write_text(PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEDWITNESS_CACHE", str(folder / "cache"))
        runner = CliRunner()
        for stage in (
            ["pictures"],
            ["autoencoder"],
            ["checkpoint", "lab-memorised"],
            ["checkpoint", "lab-clean"],
            ["clip"],
            ["descriptor"],
            ["distance"],
            ["measure"],
        ):
            result = runner.invoke(app, [*stage, "--lab", str(folder)], catch_exceptions=False)
            assert result.exit_code == 0, result.output
        line = ["report", "--out", str(folder / "page.md"), "--lab", str(folder)]
        result = runner.invoke(app, line, catch_exceptions=False)
        assert result.exit_code == 0, result.output
    return folder


def test_both_checkpoints_open_in_plain_diffusers(lab: Path) -> None:
    for name in lab_folder.CHECKPOINTS:
        folder = lab / "checkpoints" / name
        pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
        assert pipeline.unet.config.sample_size == 16


def test_all_pictures_not_seen_once_are_scored_on_every_seed(lab: Path) -> None:
    scores = pd.read_parquet(lab / "measurements" / "scores.parquet")
    counts = scores.groupby(["checkpoint", "split"])["id"].nunique()
    for name in lab_folder.CHECKPOINTS:
        sizes = [counts[name, split] for split in ("held_out", "planted", "twin")]
        assert sizes == [200, 4, 2]
    assert (scores.groupby(["checkpoint", "id"])["seed"].nunique() == 2).all()


def test_the_page_shows_figures_bars_and_images(lab: Path) -> None:
    figures = json.loads((lab / "measurements" / "figures.json").read_text())
    page = (lab / "page.md").read_text()
    assert f"{figures['autoencoder']['mean']:.2f} dB" in page
    assert "planted 32 times" in page
    assert page.count("no more than chance") >= 8
    for image in ("rates", "losses", "artists", "regenerations-lab-clean"):
        assert f"images/page/{image}.png" in page
        assert (lab / "images" / "page" / f"{image}.png").stat().st_size > 1000


def test_pictures_are_drawn_again_without_the_folder(lab: Path, tmp_path: Path) -> None:
    rows = lab_folder.open_lab(lab).rows[:3]
    shown = lab_folder.open_lab(lab).load_or_draw(rows)
    bare = tmp_path / "bare"
    shutil.copytree(lab, bare, ignore=shutil.ignore_patterns("pictures", "cache"))
    assert (lab_folder.open_lab(bare).load_or_draw(rows) == shown).all()
