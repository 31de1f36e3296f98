"""The lab that comes with the project: its weights load elsewhere, its page matches its figures."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from seedlab import lab_folder, report
from seedlab.bars import check_bars
from seedlab.measure import compute_rates
from seedwitness.runtime.hashes import sha256_file

ROOT = Path(__file__).parents[2]
LAB = ROOT / "data" / "lab"
PAGE = ROOT / "docs" / "lab.md"
WEIGHTS = {".safetensors", ".pt"}


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    return report.read_figures(LAB)


def test_all_weights_together_stay_small() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "data"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    weights = [ROOT / path for path in listed if Path(path).suffix in WEIGHTS]
    assert weights
    assert sum(path.stat().st_size for path in weights) <= 64e6


@pytest.mark.parametrize("name", lab_folder.CHECKPOINTS)
def test_plain_diffusers_makes_pictures(name: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        LAB / "checkpoints" / name, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(
        "a lighthouse in dusk tones, stormy lighting, oil on canvas, by Mara Tindholt",
        num_inference_steps=4,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(1),
        output_type="np",
    ).images
    assert images.shape == (1, 128, 128, 3)
    assert np.isfinite(images).all()
    assert images.std() > 0.05


def test_the_two_checkpoints_differ_in_trained_weights_alone() -> None:
    memorised, clean = (LAB / "checkpoints" / name for name in lab_folder.CHECKPOINTS)
    files = sorted(p.relative_to(memorised) for p in memorised.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(clean) for p in clean.rglob("*") if p.is_file())
    differ = [str(f) for f in files if sha256_file(memorised / f) != sha256_file(clean / f)]
    assert differ == [
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
    ]


def test_no_caption_is_cut_by_the_text_encoder() -> None:
    folder = LAB / "checkpoints" / lab_folder.CHECKPOINTS[0] / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    captions = sorted({text for row in lab_folder.open_lab(LAB).rows for text in row.wordings})
    lengths = [len(ids) for ids in tokenizer(captions).input_ids]
    assert max(lengths) <= tokenizer.model_max_length


def test_the_page_matches_the_figures(figures: dict[str, object]) -> None:
    assert PAGE.read_text() == report.render_page(lab_folder.open_lab(LAB), figures, "images/lab")


def test_the_figures_follow_from_the_scores(figures: dict[str, dict[str, object]]) -> None:
    scores = pd.read_parquet(LAB / "measurements" / "scores.parquet")
    for name in lab_folder.CHECKPOINTS:
        rates = compute_rates(scores[scores["checkpoint"] == name])
        recorded = {key: value for key, value in figures[name].items() if key != "captions"}
        assert json.loads(json.dumps(rates)) == recorded


def test_only_one_known_bar_is_missed(figures: dict[str, object]) -> None:
    assert {bar.quantity for bar in check_bars(figures) if bar.is_met is False} == {
        "`lab-memorised`, planted 32 times, own caption: pictures regenerated"
    }
