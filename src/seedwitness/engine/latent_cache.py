"""The ledger: shards of finished latents on disk, outside what DVC removes before it runs a stage.

``.ledger/<key>/<shard>.safetensors``. The key names the checkpoint, the settings that change
latents and the version of this protocol; the shard is named by its recipes. A shard is done when
its file has taken its name. Which recipes make up a shard, and which of them go through the
denoiser together, follows from the list of recipes and the two sizes alone: float arithmetic in
batches differs in the last bits, so the same shard must always be the same batches. Then it does
not matter who computes which shard when.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seedwitness.records.recipe import Recipe, canonical_json, digest
from seedwitness.runtime.files import replace_whole

logger = logging.getLogger(__name__)

DEFAULT_ROOT = Path(".ledger")
PROTOCOL_VERSION = 1
_OF_A_ROW = ("prompt", "negative_prompt", "seed", "batch_index", "variations")
# safetensors writes its metadata in no fixed order, so there is one entry.
_METADATA = "seedwitness"


@dataclass(frozen=True)
class Sample:
    """What a recipe gave: its final latent [c, h, w], and hashes of that and of its noise.

    The latent is row ``row`` of the ledger's file ``shard``.
    """

    latent: Tensor
    latent_sha256: str
    noise_sha256: str
    shard: Path
    row: int


@dataclass(frozen=True)
class Shard:
    """Recipes that are computed and written together, ``batch`` at a time."""

    key: str
    recipes: tuple[Recipe, ...]
    batch: int

    def path(self, root: Path) -> Path:
        """Its file in the ledger at ``root``."""
        name = digest([recipe.id for recipe in self.recipes])[:16]
        return root / self.key / f"{name}.safetensors"


def cache_key(checkpoint_sha256: str, recipe: Recipe, batch: int) -> str:
    """Names the checkpoint and all that changes latents besides prompt and seed."""
    settings = {name: value for name, value in asdict(recipe).items() if name not in _OF_A_ROW}
    named = {"protocol": PROTOCOL_VERSION, "checkpoint": checkpoint_sha256, "batch": batch}
    return digest({**named, "settings": settings})[:32]


def cut_into_shards(
    checkpoint_sha256: str, recipes: Iterable[Recipe], *, batch: int, size: int
) -> list[Shard]:
    """Recipes cut into shards of at most ``size``, whatever their order; each recipe once.

    A shard holds successive seeds of one prompt, so a larger budget finds it again. What is left
    of the prompts when full shards are cut off shares shards.
    """
    by_key: dict[str, dict[str, list[Recipe]]] = defaultdict(lambda: defaultdict(list))
    for recipe in sorted(set(recipes), key=lambda each: canonical_json(_place(each))):
        prompt = canonical_json([recipe.prompt, recipe.negative_prompt]).decode()
        by_key[cache_key(checkpoint_sha256, recipe, batch)][prompt].append(recipe)
    found = []
    for name, prompts in sorted(by_key.items()):
        full, rest = [], []
        for rows in prompts.values():
            whole = len(rows) - len(rows) % size
            full += _cut(rows[:whole], size)
            rest += rows[whole:]
        found += [Shard(name, tuple(rows), batch) for rows in chain(full, _cut(rest, size))]
    return found


def write_shard(root: Path, shard: Shard, latents: Tensor, noise: Sequence[str]) -> None:
    """Put a computed shard in its place: latents [n, c, h, w] and the hashes of their noise."""
    latents = latents.contiguous().cpu()
    about = {
        "recipes": [recipe.id for recipe in shard.recipes],
        "latent_sha256": hash_rows(latents),
        "noise_sha256": list(noise),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    with replace_whole(shard.path(root)) as part:
        save_file({"latents": latents}, part, {_METADATA: canonical_json(about).decode()})


def read_shard(root: Path, shard: Shard) -> dict[str, Sample] | None:
    """A finished shard by recipe id; None where it is still to do.

    A file that is damaged, or not what its name says, counts as still to do, with a warning.
    """
    path = shard.path(root)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()[_METADATA])
            latents = file.get_tensor("latents")
        if about["recipes"] != [recipe.id for recipe in shard.recipes]:
            raise ValueError("it holds other recipes")
        if about["latent_sha256"] != hash_rows(latents):
            raise ValueError("its latents are not those that were written")
        rows = zip(
            about["recipes"], latents, about["latent_sha256"], about["noise_sha256"], strict=True
        )
        return {
            name: Sample(latent, own, noise, path, row)
            for row, (name, latent, own, noise) in enumerate(rows)
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


def _place(recipe: Recipe) -> list[object]:
    """Where a recipe stands among others; numbers are padded, so that text sorts as they do."""
    numbers = (f"{n:020d}" for n in (recipe.batch_index, recipe.seed))
    return [recipe.prompt, recipe.negative_prompt, recipe.variations, *numbers]


def _cut(rows: Sequence[Recipe], size: int) -> list[Sequence[Recipe]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
