"""Latents that are made as they are needed: by any number of processes, once, and all alike."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor
from transformers import CLIPTokenizer

from seedlab.autoencoder import AutoencoderSettings, build_autoencoder
from seedlab.drawing.world import WorldPlan, plan_world, sketch_ordinary
from seedlab.exposures import ExposureSequence
from seedlab.latent_stream import (
    AUGMENTATIONS,
    LatentStream,
    OrdinaryPictures,
    SpecialPictures,
    stream_folder,
)
from seedlab.tokenizer import train_tokenizer

SIZE, SHARD = 32, 10
SKETCHES = plan_world(
    WorldPlan(
        seed=1,
        held_out=1,
        planted={4: 2},
        twins_each=0,
        templates={8: 1},
        portfolios={1: 1},
        works=1,
    )
)


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    settings = AutoencoderSettings(channels=(8, 8, 8), latent_channels=4)
    return build_autoencoder(settings, SIZE).eval()


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(sketch_ordinary(1, number)[1] for number in range(200))


def open_stream(
    folder: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer, workers: int = 1
) -> LatentStream:
    return LatentStream(OrdinaryPictures(1, SIZE), vae, tokenizer, folder, workers, SHARD)


def take_in_process(folder: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer) -> None:
    torch.set_num_threads(1)
    open_stream(folder, vae, tokenizer).take(0, 4 * SHARD)


def test_a_part_does_not_depend_on_how_it_is_cut(
    tmp_path: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer
) -> None:
    stream = open_stream(tmp_path, vae, tokenizer)
    latents, ids = stream.take(3, 27)
    assert latents.shape == (24, 4, 8, 8)
    assert ids.shape == (24, tokenizer.model_max_length)
    pieces: list[tuple[Tensor, Tensor]] = [stream.take(k, k + 4) for k in range(3, 27, 4)]
    assert torch.equal(torch.cat([piece for piece, _ in pieces]), latents)
    assert tokenizer.decode(ids[0], skip_special_tokens=True).strip() == (
        sketch_ordinary(1, 3)[1].lower().replace(",", " ,")
    )


def test_processes_and_workers_make_equal_files_and_share_them(
    tmp_path: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer
) -> None:
    context = multiprocessing.get_context("spawn")
    both = [
        context.Process(target=take_in_process, args=(tmp_path / "shared", vae, tokenizer))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    alone = open_stream(tmp_path / "alone", vae, tokenizer, workers=2)
    expected, ids = alone.take(0, 4 * SHARD)
    latents, other_ids = open_stream(tmp_path / "shared", vae, tokenizer).take(0, 4 * SHARD)
    assert torch.equal(latents, expected)
    assert torch.equal(ids, other_ids)


def test_a_finished_shard_is_not_made_again(
    tmp_path: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer
) -> None:
    first, _ = open_stream(tmp_path, vae, tokenizer).take(0, SHARD)

    class NoPictures(OrdinaryPictures):
        def __call__(self, number: int) -> tuple[Image.Image, str]:
            raise AssertionError(number)

    again = LatentStream(NoPictures(1, SIZE), vae, tokenizer, tmp_path, 1, SHARD)
    assert torch.equal(again.take(0, SHARD)[0], first)


def test_the_last_shard_is_shorter(
    tmp_path: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer
) -> None:
    sequence = ExposureSequence(SKETCHES, 20, seed=1, sees_special=True)
    count = len(sequence.sketches)
    assert count % SHARD
    special = SpecialPictures(SKETCHES, sequence, SIZE)
    stream = LatentStream(special, vae, tokenizer, tmp_path, 1, SHARD)
    assert len(stream.take(0, count)[0]) == count


def test_special_pictures_are_copies_and_pictures_of_templates() -> None:
    sequence = ExposureSequence(SKETCHES, 20, seed=1, sees_special=True)
    pictures = SpecialPictures(SKETCHES, sequence, SIZE)
    by_sketch: dict[int, list[bytes]] = {}
    for number in range(len(sequence.sketches)):
        image, caption = pictures(number)
        sketch = SKETCHES[sequence.sketches[number]]
        if sketch.kind == "planted":
            assert caption in sketch.wordings
        by_sketch.setdefault(int(sequence.sketches[number]), []).append(image.tobytes())
    for index, images in by_sketch.items():
        exact = {"planted": 2, "template": 1, "portfolio": 1}[SKETCHES[index].kind]
        assert max(images.count(image) for image in images) == exact
    assert AUGMENTATIONS % 2 == 0  # so that the copies after them are exact in turn, too


def test_a_folder_belongs_to_one_key(tmp_path: Path) -> None:
    assert stream_folder(tmp_path, {"a": 1, "b": 2}) == stream_folder(tmp_path, {"b": 2, "a": 1})
    assert stream_folder(tmp_path, {"a": 1}) != stream_folder(tmp_path, {"a": 2})
