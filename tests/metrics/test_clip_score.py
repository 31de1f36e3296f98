"""CLIP score: open_clip's own numbers for any batch size, and clear errors."""

import json
import shutil
from pathlib import Path

import open_clip
import pytest
import torch
import yaml
from PIL import Image
from pydantic import ValidationError

from seedlab import clip as lab_clip
from seedlab.tokenizer import train_tokenizer
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.errors import CheckpointError
from seedwitness.imaging.alignment import make_alignments
from seedwitness.metrics import LAB_WEIGHTS, UNVERIFIED_WEIGHTS, scoring
from seedwitness.metrics.clip_score import CONFIG_FILE, WEIGHTS_FILE, load_clip, score_prompts
from seedwitness.runtime.hashes import sha256_file

TEXTS = ["a red owl", "a blue cat by Mara", "", "ember palette, fresco", "日本語 " * 60]
PICTURES = torch.randint(
    256, (5, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = lab_clip.LabClipSettings(embed_dim=16, image_width=4, text_width=16, text_layers=1)
    tokenizer = train_tokenizer(TEXTS)
    folder = tmp_path_factory.mktemp("clip")
    lab_clip.save_clip(lab_clip.build_clip(settings, tokenizer, 32), tokenizer, settings, folder)
    return folder


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copied"))


def test_scores_are_open_clips_cosines(folder: Path) -> None:
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)
    arrays = PICTURES.permute(0, 2, 3, 1).numpy()
    x = torch.stack([preprocess(Image.fromarray(array)) for array in arrays])
    with torch.no_grad():
        images, texts = model.eval().encode_image(x), model.encode_text(tokens)
    expected = torch.nn.functional.cosine_similarity(images, texts)
    torch.testing.assert_close(
        score_prompts(load_clip(folder), PICTURES, TEXTS), expected, atol=1e-5, rtol=0
    )


def test_embeddings_are_independent_of_the_batch_size(folder: Path) -> None:
    clip = load_clip(folder)
    images, texts = clip.embed_images(PICTURES), clip.embed_texts(TEXTS)
    torch.testing.assert_close(clip.embed_images(PICTURES, batch_size=2), images, atol=1e-5, rtol=0)
    torch.testing.assert_close(clip.embed_texts(TEXTS, batch_size=2), texts, atol=1e-5, rtol=0)


def test_the_record_describes_the_weights(copied: Path) -> None:
    info = load_clip(copied).info
    assert info.label == LAB_WEIGHTS
    assert info.weights_sha256 == sha256_file(copied / WEIGHTS_FILE)
    config = json.loads((copied / CONFIG_FILE).read_text())
    del config["card"]  # as in folders from elsewhere
    (copied / CONFIG_FILE).write_text(json.dumps(config))
    assert load_clip(copied).info.label == UNVERIFIED_WEIGHTS


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_named_instead_of_random_weights(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(CheckpointError, match=rf"no .*{name}.*make lab"):
        load_clip(copied)


def test_weights_of_another_folder_are_refused(copied: Path) -> None:
    (copied / WEIGHTS_FILE).write_bytes((copied / WEIGHTS_FILE).read_bytes() + b" ")
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_clip(copied)


@pytest.mark.parametrize("text", ["{", '{"model_cfg": {"embed_dim": 8}}'])
def test_an_invalid_configuration_is_refused(copied: Path, text: str) -> None:
    (copied / CONFIG_FILE).write_text(text)
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_clip(copied)


def test_as_a_metric_clip_compares_a_picture_with_its_prompt(folder: Path) -> None:
    names = ["a", "b", "c", "d", "e"]
    target = torch.zeros(3, 40, 40, dtype=torch.uint8)
    expected = score_prompts(load_clip(folder), PICTURES, TEXTS)
    for batch in (2, 8):
        metrics = scoring.load_metrics(["clip-text"], {"clip-text": folder}, batch)
        rows = scoring.score_trials(metrics, names, PICTURES, TEXTS, make_alignments(target))
        assert [row["trial"] for row in rows] == ["a", "b", "d", "e"]  # "c" was asked for nothing
        assert {row["alignment"] for row in rows} == {""}
        found = torch.tensor([row["score"] for row in rows])
        torch.testing.assert_close(found, expected[[0, 1, 3, 4]], atol=1e-5, rtol=0)


def test_clip_text_selects_no_closest_trials(folder: Path) -> None:
    weights = {"clip": folder, "clip-text": folder}
    metrics = scoring.load_metrics(["clip-text", "clip"], weights, 8)
    pictures = PICTURES // 8
    pictures[3] = 255 - pictures[3]  # to an untrained model, all dark noise is one picture
    rows = scoring.score_trials(
        metrics, ["a", "b", "c", "d", "e"], pictures, TEXTS, make_alignments(pictures[3])
    )
    similarity = {row["trial"]: row["score"] for row in rows if row["metric"] == "clip"}
    assert all(similarity["d"] > similarity[other] + 1e-5 for other in "abce")
    assert scoring.select_closest_trials(rows, 1) == {"d"}


@pytest.mark.parametrize("use", ["metric", "copy"])
def test_no_setting_may_judge_by_clip_text(use: str) -> None:
    judge = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())["judge"]
    if use == "metric":
        judge["metric"] = "clip-text"
    else:
        judge["copy_criteria"][0]["metric"] = "clip-text"
    with pytest.raises(ValidationError, match="compares an image with its prompt"):
        JudgeSettings.model_validate(judge)
