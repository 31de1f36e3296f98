"""Latents and token ids of an endless list of pictures, drawn and encoded as they are needed.

The list is cut into shards. A shard is a file, found by the hash of everything that decides its
bytes, so it is made once: trainings that run side by side share the files and the work, and one
that resumes finds what is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from diffusers import AutoencoderKL
from filelock import FileLock, Timeout
from PIL import Image
from torch import Tensor
from transformers import CLIPTokenizer

from seedlab.augmentation import augment_copy
from seedlab.drawing.drawing import Drawing, draw
from seedlab.drawing.world import Sketch, sketch_of_template, sketch_ordinary
from seedlab.exposures import ExposureSequence
from seedlab.ground_truth import copy_wording
from seedlab.latents import encode_latents
from seedlab.tokenizer import tokenize_captions
from seedwitness.runtime.files import replace_whole

SHARD = 2048
"""Pictures of a shard."""
AUGMENTATIONS = 128
"""Copies of a picture after which its augmentations repeat."""
ENCODED_AT_ONCE = 16
AHEAD = 3
"""How many shards a training makes in advance while another one makes the shard that it needs."""


class NumberedPictures(Protocol):
    """Picture and caption by number; ``count`` is None where there is no last one."""

    count: int | None

    def __call__(self, number: int) -> tuple[Image.Image, str]:
        """Picture and caption of ``number``."""
        ...


class OrdinaryPictures:
    """The ordinary pictures of a world, by number."""

    count: int | None = None

    def __init__(self, seed: int, size: int) -> None:
        """Pictures of the world ``seed``, ``size`` pixels a side."""
        self.seed, self.size = seed, size

    def __call__(self, number: int) -> tuple[Image.Image, str]:
        """Picture and caption of ``number``."""
        drawing, caption = sketch_ordinary(self.seed, number)
        return draw(drawing, self.size), caption


class SpecialPictures:
    """The special exposures of a sequence, by their number in it."""

    def __init__(self, sketches: Sequence[Sketch], sequence: ExposureSequence, size: int) -> None:
        """Exposures of ``sketches`` in the order of ``sequence``, ``size`` pixels a side."""
        self.sketches, self.size = list(sketches), size
        self.indices, self.copies = sequence.sketches, sequence.copies
        self.count: int | None = len(self.indices)

    def __call__(self, number: int) -> tuple[Image.Image, str]:
        """Picture and caption of the exposure ``number``."""
        sketch, copy = self.sketches[self.indices[number]], int(self.copies[number])
        if sketch.kind == "template":
            drawing, caption = sketch_of_template(sketch, copy)
            return draw(drawing, self.size), caption
        return _draw_copy(sketch.drawing, self.size, copy % AUGMENTATIONS), copy_wording(
            sketch.wordings, copy
        )


class LatentStream:
    """Latents and token ids of pictures by number, from shards in ``folder``."""

    def __init__(
        self,
        pictures: NumberedPictures,
        vae: AutoencoderKL,
        tokenizer: CLIPTokenizer,
        folder: Path,
        workers: int,
        size: int = SHARD,
    ) -> None:
        """Shards of ``size`` pictures; ``folder`` belongs to these arguments alone."""
        self.pictures, self.vae, self.tokenizer = pictures, vae, tokenizer
        self.folder, self.workers, self.size = folder, workers, size
        self._load = lru_cache(maxsize=4)(self._load_shard)

    def take(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Scaled latents [n, c, h, w] and token ids [n, limit] of ``start`` up to ``stop``."""
        latents, ids = [], []
        for shard in range(start // self.size, -(-stop // self.size)):
            first = shard * self.size
            part = slice(max(start - first, 0), stop - first)
            shard_latents, shard_ids = self._load(shard)
            latents.append(shard_latents[part])
            ids.append(shard_ids[part])
        return torch.cat(latents).float(), torch.cat(ids).long()

    def _load_shard(self, shard: int) -> tuple[Tensor, Tensor]:
        path = self._path(shard)
        while not path.exists():
            self._make_first_free(range(shard, shard + 1 + AHEAD))
        with np.load(path) as arrays:
            return torch.from_numpy(arrays["latents"]), torch.from_numpy(arrays["ids"])

    def _make_first_free(self, shards: range) -> None:
        """Make the first of ``shards`` that is missing and that no other process makes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for shard in shards:
            if self._path(shard).exists():
                continue
            try:
                with FileLock(self._path(shard).with_suffix(".lock"), timeout=0):
                    if not self._path(shard).exists():
                        self._make(shard)
                    return
            except Timeout:
                continue
        with FileLock(self._path(shards[0]).with_suffix(".lock")):
            return  # all are being made: wait for the first

    def _make(self, shard: int) -> None:
        stop = (shard + 1) * self.size
        numbers = range(shard * self.size, min(stop, self.pictures.count or stop))
        latents, captions = [], []
        for images, texts in self._draw(numbers):
            pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
            latents.append(encode_latents(self.vae, pixels) * self.vae.config.scaling_factor)
            captions += texts
        ids = tokenize_captions(self.tokenizer, captions)
        with replace_whole(self._path(shard)) as part, part.open("wb") as file:
            np.savez(file, latents=torch.cat(latents).half().numpy(), ids=ids.short().numpy())

    def _draw(self, numbers: range) -> Iterator[tuple[list[np.ndarray], list[str]]]:
        blocks = [numbers[k : k + ENCODED_AT_ONCE] for k in range(0, len(numbers), ENCODED_AT_ONCE)]
        draw_block = _BlockOfPictures(self.pictures)
        if self.workers < 2:
            yield from map(draw_block, blocks)
            return
        with ProcessPoolExecutor(self.workers) as pool:
            yield from pool.map(draw_block, blocks)

    def _path(self, shard: int) -> Path:
        return self.folder / f"{shard:06d}.npz"


class _BlockOfPictures:
    """Draws a block of pictures, in a worker where there are several."""

    def __init__(self, pictures: NumberedPictures) -> None:
        self.pictures = pictures

    def __call__(self, numbers: range) -> tuple[list[np.ndarray], list[str]]:
        drawn = [self.pictures(number) for number in numbers]
        return [np.asarray(image) for image, _ in drawn], [caption for _, caption in drawn]


def stream_folder(root: Path, key: object) -> Path:
    """The folder of the shards that ``key`` decides, under ``root``."""
    return root / sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _draw_once(drawing: Drawing, size: int) -> Image.Image:
    return draw(drawing, size)


@lru_cache(maxsize=4096)
def _draw_copy(drawing: Drawing, size: int, number: int) -> Image.Image:
    return augment_copy(_draw_once(drawing, size), drawing.seed, number)
