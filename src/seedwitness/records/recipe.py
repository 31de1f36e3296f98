"""A recipe: everything that makes one image, identified by a hash of its content."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from seedwitness.errors import RecordError
from seedwitness.runtime.hashes import digest

OWN_GENERATOR = -1
"""As a ``step_seed``: the generator of the initial noise goes on."""


SECOND_ORDER_SAMPLERS = frozenset({"dpm2", "dpm2-a", "dpm2-karras", "heun", "heun-karras"})
"""Samplers that evaluate the denoiser twice a step, but once in the last."""


def count_nfe(steps: int, guidance: float, sampler: str = "") -> int:
    """Evaluations of the denoiser for one image: one a step, two if guidance is not 1.

    A ``sampler`` of second order takes two a step, and ``pndm`` one more in all. What the sampler
    ``checkpoint`` takes depends on the checkpoint; one a step is counted.
    """
    evaluations = steps
    if "/" in sampler:
        evaluations = _count_tool_evaluations(steps, *sampler.split("/")[:3])
    elif sampler in SECOND_ORDER_SAMPLERS:
        evaluations = 2 * steps - 1
    elif sampler == "pndm" and steps > 1:
        evaluations = steps + 1
    return evaluations * (1 if guidance == 1 else 2)


def _count_tool_evaluations(steps: int, tool: str, sampler: str, schedule: str = "") -> int:
    """Evaluations of a sampler in the way of a tool, for a model of 1,000 timesteps."""
    if sampler == "ddim":  # more where the steps do not divide 1,000
        steps = len(range(0, 1000, max(1000 // steps, 1)))
    elif schedule == "ddim-uniform":
        more = sampler in ("dpm2", "dpm2-a")  # a level that is discarded again
        steps = len(range(1, 1000, max(1000 // (steps + more), 1))) - more
    if sampler == "ddim":
        return steps - 1
    is_zero_missing = tool != "comfyui" and schedule == "kl-optimal"
    if sampler in ("heun", "dpm2", "dpm2-a", "dpmpp-2s-a", "dpmpp-sde"):
        return 2 * steps - (not is_zero_missing)
    return steps


@dataclass(frozen=True)
class Recipe:
    """Everything that makes one image with a given checkpoint."""

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
    variations: str = ""  # SEED:STRENGTH,…: mixed into the noise in this order
    variation_rule: str = "automatic1111"
    resize_width: int = 0  # seed resize: the size for which the noise is drawn; 0 for none
    resize_height: int = 0
    dtype: str = "float32"
    step_seed: int = OWN_GENERATOR  # of the generator that draws the noise after steps
    batch_size: int = 0  # pictures whose noise is drawn at once; 0: one after the other

    @classmethod
    def from_row(cls, row: Any) -> Recipe:
        """The recipe in a row of TRIALS."""
        types = {"int": int, "float": float, "str": str}
        values = {field.name: types[str(field.type)](row[field.name]) for field in fields(cls)}
        return cls(**values)

    @property
    def id(self) -> str:
        """Identifies the recipe by its content: the first 16 hexadecimal digits of its digest."""
        return digest(asdict(self))[:16]

    @property
    def mixed_seeds(self) -> list[tuple[int, float]]:
        """The seeds whose noise is mixed in, in order, each with its strength.

        Raises RecordError if ``variations`` cannot be parsed.
        """
        try:
            parts = (part.split(":") for part in self.variations.split(",") if self.variations)
            mixed = [(int(seed), float(strength)) for seed, strength in parts]
        except ValueError:
            mixed = [(0, -1.0)]
        if not all(0 <= strength <= 1 for _, strength in mixed):
            raise RecordError(
                "Variations have the form SEED:STRENGTH, separated by commas, with strengths "
                f"from 0 to 1, such as `12:0.25,7:0.1`; `{self.variations}` has not."
            )
        return mixed

    def with_variation(self, seed: int, strength: float) -> Recipe:
        """This recipe with one more variation."""
        previous = [self.variations] if self.variations else []
        return replace(self, variations=",".join([*previous, f"{seed}:{strength!r}"]))

    @property
    def parent(self) -> str:
        """The id of the recipe without its last variation; empty if it has no variation."""
        previous = self.variations.rpartition(",")[0]
        return replace(self, variations=previous).id if self.variations else ""

    @property
    def nfe(self) -> int:
        """Evaluations of the denoiser: one a step, two if guidance is not 1."""
        return count_nfe(self.steps, self.guidance, self.sampler)
