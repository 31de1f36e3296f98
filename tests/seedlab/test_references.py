"""Further checkpoints of a small drawn world: what they see, where they start, what they leave."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from typer.testing import CliRunner

from seedlab.cli import app
from seedlab.lab_folder import open_lab
from seedlab.references import PicturesByHand, train_reference
from seedlab.settings import load_settings
from seedwitness.errors import ConfigError

PARAMS = """
code: ../../src
pictures:
  source: world
  path: .
  seed: 3
  size: 32
  ordinary: 24
  fitted: 24
  once: 6
  held_out: 4
  planted: {1: 1}
  twins_each: 0
  portfolios: {2: 1}
  works: 2
autoencoder: {channels: [8, 16], latent_channels: 4, crop: 16, crop_steps: 4, whole_steps: 2}
diffusion: {channels: [32, 32], attends: [false, true], text_width: 32, text_layers: 1, batch: 8}
references:
  other:
    ordinary: 16
    first: 2048
    diffusion:
      {channels: [32, 64], attends: [false, true], text_width: 64, text_layers: 2, batch: 8}
  tuned: {start: lab-clean, hand: Mina Corvane, ordinary: 12, targets: 4, diffusion: {batch: 8}}
  lora: {start: lab-clean, hand: Mina Corvane, ordinary: 16, rank: 2, diffusion: {batch: 8}}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("references") / "small"
    folder.mkdir()
    (folder / "params.yaml").write_text(PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEDWITNESS_CACHE", str(folder / "cache"))
        for line in (
            ["pictures"],
            ["autoencoder"],
            ["checkpoint", "lab-clean"],
            *(["reference", name] for name in ("other", "tuned", "lora")),
        ):
            result = CliRunner().invoke(app, [*line, "--lab", str(folder)], catch_exceptions=False)
            assert result.exit_code == 0, result.output
    return folder


def load(folder: Path) -> StableDiffusionPipeline:
    return StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)


def test_a_training_sees_its_ordinary_pictures_and_the_targets(lab: Path) -> None:
    steps = {}
    for name in ("other", "tuned", "lora"):
        last = json.loads((lab / "logs" / f"{name}.jsonl").read_text().splitlines()[-1])
        steps[name] = last["step"]
    # 12 pictures by the hand, and 2 works of its portfolio, 4 times each
    assert steps == {"other": 2, "tuned": -(-(12 + 2 * 4) // 8), "lora": 2}


def test_another_network_has_other_widths_and_the_same_autoencoder(lab: Path) -> None:
    other, clean = load(lab / "references/other"), load(lab / "checkpoints/lab-clean")
    assert other.unet.config.block_out_channels == [32, 64]
    assert other.text_encoder.config.hidden_size == 64
    assert all(
        torch.equal(a, b)
        for a, b in zip(other.vae.parameters(), clean.vae.parameters(), strict=True)
    )


def test_a_lora_changes_attention_alone_and_loads_as_people_load_it(lab: Path) -> None:
    merged, clean = load(lab / "references/lora"), load(lab / "checkpoints/lab-clean")
    before = dict(clean.unet.named_parameters())
    changed = {
        name
        for name, value in merged.unet.named_parameters()
        if not torch.equal(value, before[name])
    }
    assert changed
    assert all(".attn" in name and ".to_" in name for name in changed)
    clean.load_lora_weights(lab / "references/lora-lora", local_files_only=True)
    clean.fuse_lora()
    clean.unload_lora_weights()
    for name, value in clean.unet.named_parameters():
        expected = dict(merged.unet.named_parameters())[name]
        assert torch.allclose(value, expected, atol=2e-3), name  # saved in half precision


def test_a_training_resumes_nowhere_else(lab: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(lab, tmp_path / "copy", ignore=shutil.ignore_patterns("cache"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEDWITNESS_CACHE", str(lab / "cache"))
        states = {path.name for path in (lab / "cache/training").iterdir()}
        text = PARAMS.replace("targets: 4", "targets: 3")
        (copy / "params.yaml").write_text(text)
        train_reference(open_lab(copy), "tuned")
        assert len({path.name for path in (lab / "cache/training").iterdir()} - states) == 1


def test_a_hand_draws_other_pictures_of_the_same_themes() -> None:
    first, second = (PicturesByHand(1, 32, hand) for hand in ("Mina Corvane", "Lena Marchetti"))
    (image, caption), (other, other_caption) = first(7), second(7)
    assert "Mina Corvane" in caption
    assert "Lena Marchetti" in other_caption
    assert not np.array_equal(np.asarray(image), np.asarray(other))
    assert np.array_equal(np.asarray(image), np.asarray(first(7)[0]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hand: Mina Corvane", "hand: Nobody", "unknown 'Nobody'; known are Mara Tindholt"),
        (
            "start: lab-clean, hand: Mina Corvane, ordinary: 16",
            "ordinary: 16",
            "name it as `start`",
        ),
        ("rank: 2", "rnak: 2", "`references.lora.rnak`: unknown key"),
        ("text_layers: 2", "text_layres: 2", "`references.other.diffusion.text_layres`: unknown"),
    ],
)
def test_settings_that_contradict_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_settings(tmp_path / "params.yaml").references  # noqa: B018


def test_an_unknown_reference_names_those_that_are_known(lab: Path) -> None:
    with pytest.raises(ConfigError, match="are: other, tuned, lora"):
        train_reference(open_lab(lab), "tunde")
