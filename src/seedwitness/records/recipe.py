"""A recipe, which names itself by its content."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from seedwitness.errors import RecordError
from seedwitness.runtime.hashes import digest


def nfe_of(steps: int, guidance: float) -> int:
    """Evaluations of the denoiser for one image: one a step, two where guidance is not 1."""
    return steps * (1 if guidance == 1 else 2)


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
    variations: str = ""  # SEED:STRENGTH, mixed into the noise in turn, separated by commas
    variation_rule: str = "automatic1111"
    resize_width: int = 0  # seed resize: pixels that the noise was first drawn for; 0 for none
    resize_height: int = 0
    dtype: str = "float32"

    @classmethod
    def from_row(cls, row: Any) -> Recipe:
        """The recipe in a row of TRIALS."""
        kinds = {"int": int, "float": float, "str": str}
        return cls(**{each.name: kinds[str(each.type)](row[each.name]) for each in fields(cls)})

    @property
    def id(self) -> str:
        """Names the recipe by its content: the first 16 hexadecimal digits of its digest."""
        return digest(asdict(self))[:16]

    @property
    def mixed_seeds(self) -> list[tuple[int, float]]:
        """The seeds whose noise is mixed in, in turn, each with its strength.

        Raises RecordError where ``variations`` cannot be read.
        """
        try:
            parts = (each.split(":") for each in self.variations.split(",") if self.variations)
            found = [(int(seed), float(strength)) for seed, strength in parts]
        except ValueError:
            found = [(0, -1.0)]
        if not all(0 <= strength <= 1 for _, strength in found):
            raise RecordError(
                f"Variations are given as SEED:STRENGTH, several separated by commas, strengths "
                f"from 0 to 1, such as `12:0.25,7:0.1`, and not as `{self.variations}`."
            )
        return found

    def with_variation(self, seed: int, strength: float) -> Recipe:
        """This recipe with one variation more."""
        before = [self.variations] if self.variations else []
        return replace(self, variations=",".join([*before, f"{seed}:{strength!r}"]))

    @property
    def parent(self) -> str:
        """The id of the recipe without its last variation; empty where it has none."""
        before = self.variations.rpartition(",")[0]
        return replace(self, variations=before).id if self.variations else ""

    @property
    def nfe(self) -> int:
        """Evaluations of the denoiser: one a step, and guidance other than 1 costs two."""
        return nfe_of(self.steps, self.guidance)
