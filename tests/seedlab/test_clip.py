"""The lab's CLIP: which pairs count, what is saved is what was trained, recall."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from seedlab import clip as lab_clip
from seedlab.clip import Clip
from seedlab.drawing.picture import draw
from seedlab.drawing.world import sketches
from seedlab.words import train_tokenizer
from seedwitness.errors import PictureError, TrainingError
from seedwitness.metrics import LAB_WEIGHTS, clip_score

SHRUNK = Clip(embed_dim=32, image_width=4, text_width=32, text_layers=1, batch=12, steps=60)
PLAN = sketches(1, themes=24, once=24, held_out=0, planted={}, twins_each=0)
CAPTIONS = [sketch.wordings[0] for sketch in PLAN]


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """uint8 [24, 3, 32, 32]"""
    drawn = [np.array(draw(sketch.theme, sketch.seed, 32)) for sketch in PLAN]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(CAPTIONS)


@pytest.fixture(scope="module")
def trained(
    pictures: Tensor, tokenizer: CLIPTokenizer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[torch.nn.Module, Path]:
    folder = tmp_path_factory.mktemp("clip")
    model = lab_clip.train(
        pictures,
        CAPTIONS,
        tokenizer,
        SHRUNK,
        data_key="24",
        scratch=folder / "scratch",
        log=folder / "log.jsonl",
    )
    lab_clip.save(model, tokenizer, SHRUNK, folder / "clip")
    return model, folder / "clip"


def test_a_text_excuses_the_pictures_whose_captions_have_all_its_words(
    tokenizer: CLIPTokenizer,
) -> None:
    full = ["a red owl by Mara", "a red cat by Dov", "a red owl by Mara"]
    shown = ["red owl", "a red cat by Dov", "a red"]
    excused = lab_clip.says_less(
        lab_clip.tokens_of(tokenizer, shown),
        lab_clip.tokens_of(tokenizer, full),
        len(tokenizer),
    )
    assert excused.tolist() == [[True, False, True], [False, True, False], [True, True, True]]


def test_the_loss_is_open_clips_where_nothing_is_excused() -> None:
    images, texts = torch.nn.functional.normalize(torch.randn(2, 6, 8), dim=-1)
    scale = torch.tensor(14.0)
    ours = lab_clip.contrastive_loss(images, texts, scale, torch.eye(6, dtype=torch.bool))
    torch.testing.assert_close(ours, open_clip.ClipLoss()(images, texts, scale))


def test_excused_pairs_have_no_part_in_the_loss() -> None:
    images, texts = torch.nn.functional.normalize(torch.randn(2, 3, 8), dim=-1)
    scale = torch.tensor(14.0)
    excused = torch.ones(3, 3, dtype=torch.bool)
    assert lab_clip.contrastive_loss(images, texts, scale, excused) == 0
    excused[0, 1] = False
    first = lab_clip.contrastive_loss(images, texts, scale, excused)
    logits = scale * images @ texts.T
    row = torch.logsumexp(logits[0, :2], 0) - logits[0, 0]
    column = torch.logsumexp(logits[:2, 1], 0) - logits[1, 1]
    torch.testing.assert_close(first, (row + column) / 6)


def test_a_shortened_caption_is_some_of_its_neighbouring_words() -> None:
    generator = torch.Generator().manual_seed(1)
    drawn = {lab_clip.shorten("a red owl, by Mara", generator) for _ in range(200)}
    assert {"a red owl, by Mara", "owl,", "red owl, by"} <= drawn
    assert all(text in "a red owl, by Mara" for text in drawn)
    assert lab_clip.shorten("", generator) == ""


def test_variation_keeps_hues(pictures: Tensor) -> None:
    grey = pictures[:, :1].float().expand(-1, 3, -1, -1) / 255
    y = lab_clip.varied(grey, torch.Generator().manual_seed(2), mirrored=True)
    torch.testing.assert_close(y[:, 0], y[:, 1], atol=1e-5, rtol=0)
    assert (y - grey).abs().mean() > 0.01


def test_plain_open_clip_loads_what_was_trained(
    trained: tuple[torch.nn.Module, Path], pictures: Tensor, tokenizer: CLIPTokenizer
) -> None:
    model, folder = trained
    loaded, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    texts = open_clip.get_tokenizer(f"local-dir:{folder}")(CAPTIONS)
    assert torch.equal(texts, lab_clip.tokens_of(tokenizer, CAPTIONS))
    x = lab_clip.normalise(pictures.float() / 255)
    with torch.no_grad():
        for a, b in zip(loaded.eval()(x, texts), model(x, texts), strict=True):
            torch.testing.assert_close(a, b)


def test_it_learns_and_outputs_say_lab_weights(
    trained: tuple[torch.nn.Module, Path], pictures: Tensor
) -> None:
    clip = clip_score.load(trained[1])
    assert clip.info.label == LAB_WEIGHTS
    assert LAB_WEIGHTS in clip.info.title
    found = lab_clip.recall(clip, pictures, CAPTIONS, among=12, draws=20)
    assert found.lowest <= found.mean <= found.highest
    assert found.mean > 3 / 12  # a coin reaches 1/12


def test_recall_has_known_answers() -> None:
    captions = ["one", "two", "three", "two", "four"]

    def mean(likeness: Tensor, among: int) -> float:
        return lab_clip.recall_of(likeness, captions, among=among, draws=40, seed=1).mean

    assert mean(torch.eye(5), 4) == 1
    assert mean(-torch.eye(5), 4) == 0
    confused = torch.eye(5)
    confused[:, 0] = 2.0  # every text likes the first picture best, which is drawn every time
    assert mean(confused, 4) == pytest.approx(1 / 4)
    with pytest.raises(PictureError, match="have 4"):
        mean(torch.eye(5), 5)


def test_the_real_settings_fit_their_place(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    settings = Clip()
    lab_clip.save(lab_clip.build(settings, tokenizer, 128), tokenizer, settings, tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3.5e6


def test_a_size_that_the_tower_cannot_halve_is_refused(tokenizer: CLIPTokenizer) -> None:
    with pytest.raises(TrainingError, match="multiple of 32"):
        lab_clip.build(SHRUNK, tokenizer, 48)
