"""A recipe, which names itself by its content."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256


def canonical(value: object) -> bytes:
    """``value`` as JSON that has one spelling only: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, in hexadecimal."""
    return sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """All that is needed to make one image with a checkpoint."""

    prompt: str
    seed: int
    width: int
    height: int
    sampler: str
    steps: int
    guidance: float
    negative_prompt: str = ""
    rng: str = "torch-cpu"
    batch_index: int = 0
    eta: float = 0.0
    variation_seed: int = 0
    variation_strength: float = 0.0
    variation_rule: str = "automatic1111"
    resize_width: int = 0  # seed resize: pixels that the noise was first drawn for; 0 for none
    resize_height: int = 0
    dtype: str = "float32"

    @property
    def id(self) -> str:
        """Names the recipe by its content: the first 16 hexadecimal digits of its digest."""
        return digest(asdict(self))[:16]

    @property
    def parent(self) -> str:
        """The id of the recipe without its variation; empty where it has none."""
        plain = replace(self, variation_seed=0, variation_strength=0.0)
        return plain.id if self.variation_strength else ""

    @property
    def nfe(self) -> int:
        """Evaluations of the denoiser: one a step, and guidance other than 1 costs two."""
        return self.steps * (1 if self.guidance == 1 else 2)
