"""The lab that comes with the project: its weights open anywhere, its page is what was measured."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from seedlab import home, report
from seedlab.measure import judged
from seedlab.promises import promises
from seedwitness.runtime.files import sha256_file

ROOT = Path(__file__).parents[2]
LAB = ROOT / "data" / "lab"
PAGE = ROOT / "docs" / "lab.md"
WEIGHTS = {".safetensors", ".pt"}


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    return report.figures_of(LAB)


def test_all_weights_together_stay_small() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "data"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    weights = [ROOT / path for path in listed if Path(path).suffix in WEIGHTS]
    assert weights
    assert sum(path.stat().st_size for path in weights) <= 48e6


@pytest.mark.parametrize("name", home.CHECKPOINTS)
def test_plain_diffusers_makes_pictures(name: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        LAB / "checkpoints" / name, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        "a lighthouse in dusk tones, stormy lighting, oil on canvas, by Mara Tindholt",
        num_inference_steps=4,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(1),
        output_type="np",
    ).images
    assert made.shape == (1, 128, 128, 3)
    assert np.isfinite(made).all()
    assert made.std() > 0.05


def test_the_two_checkpoints_differ_in_what_was_trained_alone() -> None:
    memorised, clean = (LAB / "checkpoints" / name for name in home.CHECKPOINTS)
    files = sorted(p.relative_to(memorised) for p in memorised.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(clean) for p in clean.rglob("*") if p.is_file())
    differ = [str(f) for f in files if sha256_file(memorised / f) != sha256_file(clean / f)]
    assert differ == [
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
    ]


def test_no_caption_is_cut_by_the_text_encoder() -> None:
    folder = LAB / "checkpoints" / home.CHECKPOINTS[0] / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    captions = sorted({text for row in home.opened(LAB).rows for text in row.wordings})
    lengths = [len(ids) for ids in tokenizer(captions).input_ids]
    assert max(lengths) <= tokenizer.model_max_length


def test_the_page_says_what_the_figures_say(figures: dict[str, object]) -> None:
    assert PAGE.read_text() == report.page(home.opened(LAB), figures, "images/lab")


def test_the_figures_follow_from_the_scores(figures: dict[str, dict[str, object]]) -> None:
    scores = pd.read_parquet(LAB / "measurements" / "scores.parquet")
    for name in home.CHECKPOINTS:
        found = judged(scores[scores["checkpoint"] == name])
        told = {key: value for key, value in figures[name].items() if key != "captions"}
        assert json.loads(json.dumps(found)) == told


def test_every_promise_is_kept_or_known_to_be_missed(figures: dict[str, object]) -> None:
    assert {promise.what for promise in promises(figures) if promise.met is False} == {
        "`lab-memorised`, planted 32 times, own caption: pictures regenerated"
    }
