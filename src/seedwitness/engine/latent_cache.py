"""The latent cache: shards of final latents on disk, in a folder that DVC does not manage.

The files are ``.ledger/KEY/SHARD.safetensors``. The key is a digest of everything that decides the
bytes of a latent besides prompt and seed: checkpoint, recipe settings, batch size, the code of the
engine, the versions of torch, diffusers and transformers, the kind of device and, on a CPU, the
number of threads. A latent with another key is never served. A shard is named by its recipes, and
is finished when the file of that name exists.

The recipes of a shard and of a batch follow from the list of recipes and the two sizes alone. Float
arithmetic in batches differs in the last bits, so the same shard must always consist of the same
batches. Then the result does not depend on which process computes a shard, or when.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seedwitness.records.recipe import Recipe
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.devices import device_kind
from seedwitness.runtime.environment import package_versions
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import canonical_json, digest
from seedwitness.runtime.keyed_cache import ROOT, describe_key

logger = logging.getLogger(__name__)

DEFAULT_ROOT = ROOT
ENGINE = "seedwitness.engine.executor"
"""The module whose code, with all that it imports, decides the bytes of a latent."""
LIBRARIES = ("torch", "diffusers", "transformers")
_ROW_FIELDS = ("prompt", "negative_prompt", "seed", "step_seed", "batch_index", "variations")
# safetensors does not write metadata in a fixed order, so everything is in one entry.
_METADATA = "seedwitness"


@dataclass(frozen=True)
class EngineEnvironment:
    """The code, libraries and hardware, which decide the bytes of a latent too."""

    code_sha256: str
    libraries: tuple[tuple[str, str], ...]
    device: str
    threads: int
    """CPU threads; 0 on a GPU, where they do not change the result."""


@cache
def get_engine_environment(device: torch.device, threads: int) -> EngineEnvironment:
    """The environment of this process on ``device`` with ``threads`` CPU threads."""
    return EngineEnvironment(
        code_sha256=hash_code(ENGINE),
        libraries=tuple(package_versions(LIBRARIES).items()),
        device=device_kind(device),
        threads=threads if device.type == "cpu" else 0,
    )


@dataclass(frozen=True)
class Sample:
    """The result of a recipe: its final latent [c, h, w], and hashes of the latent and its noise.

    The latent is row ``row`` of the cache file ``shard``.
    """

    latent: Tensor
    latent_sha256: str
    noise_sha256: str
    shard: Path
    row: int


@dataclass(frozen=True)
class KeyedBatches:
    """The checkpoint, batch size and environment of a computation, for cache keys."""

    checkpoint_sha256: str
    batch: int
    environment: EngineEnvironment

    def describe(self, recipe: Recipe) -> dict[str, Any]:
        """Everything that decides the bytes of a recipe's latent besides prompt and seed."""
        settings = {
            name: value for name, value in asdict(recipe).items() if name not in _ROW_FIELDS
        }
        return {
            "checkpoint_sha256": self.checkpoint_sha256,
            "batch": self.batch,
            "settings": settings,
            **asdict(self.environment),
            "libraries": dict(self.environment.libraries),
        }

    def key(self, recipe: Recipe) -> str:
        """The digest of ``describe``: the name of a recipe's folder in the cache."""
        return digest(self.describe(recipe))[:32]


@dataclass(frozen=True)
class Shard:
    """Recipes that are computed and written together, ``batches.batch`` at a time."""

    key: str
    recipes: tuple[Recipe, ...]
    batches: KeyedBatches

    def path(self, root: Path) -> Path:
        """Its file in the cache at ``root``."""
        name = digest([recipe.id for recipe in self.recipes])[:16]
        return root / self.key / f"{name}.safetensors"


def cut_into_shards(batches: KeyedBatches, recipes: Iterable[Recipe], *, size: int) -> list[Shard]:
    """Cut recipes into shards of at most ``size``; their order and repetitions make no difference.

    A full shard holds successive seeds of one prompt, so a larger budget can use it again. The
    remaining recipes of all prompts are put into shards together.
    """
    by_key: dict[str, dict[str, list[Recipe]]] = defaultdict(lambda: defaultdict(list))
    for recipe in sorted(set(recipes), key=lambda recipe: canonical_json(_sort_key(recipe))):
        prompt = canonical_json([recipe.prompt, recipe.negative_prompt]).decode()
        by_key[batches.key(recipe)][prompt].append(recipe)
    shards = []
    for key, prompts in sorted(by_key.items()):
        full_shards, remainder = [], []
        for rows in prompts.values():
            end = len(rows) - len(rows) % size
            full_shards += _cut(rows[:end], size)
            remainder += rows[end:]
        parts = chain(full_shards, _cut(remainder, size))
        shards += [Shard(key, tuple(rows), batches) for rows in parts]
    return shards


def write_shard(root: Path, shard: Shard, latents: Tensor, noise: Sequence[str]) -> None:
    """Write a shard to its file: latents [n, c, h, w] and the hashes of their noise."""
    latents = latents.contiguous().cpu()
    metadata = {
        "recipes": [recipe.id for recipe in shard.recipes],
        "latent_sha256": hash_rows(latents),
        "noise_sha256": list(noise),
    }
    path = shard.path(root)
    describe_key(path.parent, shard.batches.describe(shard.recipes[0]))
    with replace_whole(path) as part:
        save_file({"latents": latents}, part, {_METADATA: canonical_json(metadata).decode()})


def read_shard(root: Path, shard: Shard) -> dict[str, Sample] | None:
    """The samples of a finished shard, by recipe id; None if the shard has to be computed.

    A shard whose file is damaged, or does not hold its recipes, has to be computed again; a warning
    is logged.
    """
    path = shard.path(root)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads(file.metadata()[_METADATA])
            latents = file.get_tensor("latents")
        if metadata["recipes"] != [recipe.id for recipe in shard.recipes]:
            raise ValueError("it holds other recipes")
        if metadata["latent_sha256"] != hash_rows(latents):
            raise ValueError("its latents do not match their hashes")
        rows = zip(
            metadata["recipes"],
            latents,
            metadata["latent_sha256"],
            metadata["noise_sha256"],
            strict=True,
        )
        return {
            name: Sample(latent, latent_hash, noise_hash, path, row)
            for row, (name, latent, latent_hash, noise_hash) in enumerate(rows)
        }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        logger.warning(
            "%s is damaged (%s): its %d trials are computed again.", path, error, len(shard.recipes)
        )
        return None


def hash_rows(rows: Tensor) -> list[str]:
    """SHA-256 of the bytes of each row."""
    return [
        sha256(row.reshape(-1).contiguous().cpu().view(torch.uint8).numpy().tobytes()).hexdigest()
        for row in rows
    ]


def _sort_key(recipe: Recipe) -> list[object]:
    """The sort key of a recipe; numbers are padded, so that their text sorts by value."""
    numbers = (f"{n:020d}" for n in (recipe.batch_index, recipe.seed, recipe.step_seed + 1))
    return [recipe.prompt, recipe.negative_prompt, recipe.variations, *numbers]


def _cut(rows: Sequence[Recipe], size: int) -> list[Sequence[Recipe]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
