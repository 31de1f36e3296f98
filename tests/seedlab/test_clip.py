"""The lab's CLIP: excluded pairs, loss, training, saving and recall."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from seedlab import clip as lab_clip
from seedlab import clip_recall
from seedlab.clip import LabClipSettings
from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedlab.tokenizer import train_tokenizer
from seedwitness.errors import PictureError, TrainingError
from seedwitness.metrics import LAB_WEIGHTS, clip_score

SHRUNK = LabClipSettings(
    embed_dim=32, image_width=4, text_width=32, text_layers=1, batch=12, steps=60
)
PLAN = plan_sketches(1, themes=24, once=24, held_out=0, planted={}, twins_each=0)
CAPTIONS = [sketch.wordings[0] for sketch in PLAN]


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """uint8 [24, 3, 32, 32]"""
    arrays = [np.array(draw_picture(sketch.theme, sketch.seed, 32)) for sketch in PLAN]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(CAPTIONS)


@pytest.fixture(scope="module")
def trained(
    pictures: Tensor, tokenizer: CLIPTokenizer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[torch.nn.Module, Path]:
    folder = tmp_path_factory.mktemp("clip")
    model = lab_clip.train_clip(
        pictures,
        CAPTIONS,
        tokenizer,
        SHRUNK,
        data_key="24",
        scratch=folder / "scratch",
        log=folder / "log.jsonl",
    )
    lab_clip.save_clip(model, tokenizer, SHRUNK, folder / "clip")
    return model, folder / "clip"


def test_a_text_is_contained_in_captions_with_all_its_words(
    tokenizer: CLIPTokenizer,
) -> None:
    full = ["a red owl by Mara", "a red cat by Dov", "a red owl by Mara"]
    shown = ["red owl", "a red cat by Dov", "a red"]
    excluded = lab_clip.find_contained_texts(
        lab_clip.tokenize_texts(tokenizer, shown),
        lab_clip.tokenize_texts(tokenizer, full),
        len(tokenizer),
    )
    assert excluded.tolist() == [[True, False, True], [False, True, False], [True, True, True]]


def test_the_loss_equals_that_of_open_clip_without_excluded_pairs() -> None:
    images, texts = torch.nn.functional.normalize(torch.randn(2, 6, 8), dim=-1)
    scale = torch.tensor(14.0)
    ours = lab_clip.contrastive_loss(images, texts, scale, torch.eye(6, dtype=torch.bool))
    torch.testing.assert_close(ours, open_clip.ClipLoss()(images, texts, scale))


def test_excluded_pairs_do_not_change_the_loss() -> None:
    images, texts = torch.nn.functional.normalize(torch.randn(2, 3, 8), dim=-1)
    scale = torch.tensor(14.0)
    excluded = torch.ones(3, 3, dtype=torch.bool)
    assert lab_clip.contrastive_loss(images, texts, scale, excluded) == 0
    excluded[0, 1] = False
    first = lab_clip.contrastive_loss(images, texts, scale, excluded)
    logits = scale * images @ texts.T
    row = torch.logsumexp(logits[0, :2], 0) - logits[0, 0]
    column = torch.logsumexp(logits[:2, 1], 0) - logits[1, 1]
    torch.testing.assert_close(first, (row + column) / 6)


def test_a_shortened_caption_is_some_of_its_neighbouring_words() -> None:
    generator = torch.Generator().manual_seed(1)
    texts = {lab_clip.shorten_caption("a red owl, by Mara", generator) for _ in range(200)}
    assert {"a red owl, by Mara", "owl,", "red owl, by"} <= texts
    assert all(text in "a red owl, by Mara" for text in texts)
    assert lab_clip.shorten_caption("", generator) == ""


def test_variation_keeps_hues(pictures: Tensor) -> None:
    grey = pictures[:, :1].float().expand(-1, 3, -1, -1) / 255
    y = lab_clip.augment_pictures(grey, torch.Generator().manual_seed(2), mirrored=True)
    torch.testing.assert_close(y[:, 0], y[:, 1], atol=1e-5, rtol=0)
    assert (y - grey).abs().mean() > 0.01


def test_plain_open_clip_loads_what_was_trained(
    trained: tuple[torch.nn.Module, Path], pictures: Tensor, tokenizer: CLIPTokenizer
) -> None:
    model, folder = trained
    loaded, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    texts = open_clip.get_tokenizer(f"local-dir:{folder}")(CAPTIONS)
    assert torch.equal(texts, lab_clip.tokenize_texts(tokenizer, CAPTIONS))
    x = lab_clip.normalise_pictures(pictures.float() / 255)
    with torch.no_grad():
        for a, b in zip(loaded.eval()(x, texts), model(x, texts), strict=True):
            torch.testing.assert_close(a, b)


def test_training_improves_recall_and_scores_say_lab_weights(
    trained: tuple[torch.nn.Module, Path], pictures: Tensor
) -> None:
    clip = clip_score.load_clip(trained[1])
    assert clip.info.label == LAB_WEIGHTS
    assert LAB_WEIGHTS in clip.info.title
    recall = clip_recall.measure_recall(clip, pictures, CAPTIONS, among=12, draws=20)
    assert recall.lowest <= recall.mean <= recall.highest
    assert recall.mean > 3 / 12  # chance reaches 1/12


def test_recall_has_known_answers() -> None:
    captions = ["one", "two", "three", "two", "four"]

    def mean(likeness: Tensor, among: int) -> float:
        return clip_recall.compute_recall(likeness, captions, among=among, draws=40, seed=1).mean

    assert mean(torch.eye(5), 4) == 1
    assert mean(-torch.eye(5), 4) == 0
    confused = torch.eye(5)
    confused[:, 0] = 2.0  # the first picture, which is in every draw, is the nearest to every text
    assert mean(confused, 4) == pytest.approx(1 / 4)
    with pytest.raises(PictureError, match="have 4"):
        mean(torch.eye(5), 5)


def test_the_default_settings_give_a_small_folder(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    settings = LabClipSettings()
    lab_clip.save_clip(lab_clip.build_clip(settings, tokenizer, 128), tokenizer, settings, tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3.5e6


def test_a_size_that_the_tower_cannot_halve_is_refused(tokenizer: CLIPTokenizer) -> None:
    with pytest.raises(TrainingError, match="multiple of 32"):
        lab_clip.build_clip(SHRUNK, tokenizer, 48)
