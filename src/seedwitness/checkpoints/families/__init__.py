"""Families of checkpoints: one adapter file each, behind the contract ``Family``.

The engine, the scan and the search know no family. They see latents [n, c, h, w], prompt states
[n, …] whose rows they stack and repeat, and one prediction for each row.
"""

from __future__ import annotations

from seedwitness.checkpoints.families.contract import Family
from seedwitness.checkpoints.families.flux import FLUX
from seedwitness.checkpoints.families.stable_diffusion import STABLE_DIFFUSION
from seedwitness.checkpoints.families.stable_diffusion_3 import STABLE_DIFFUSION_3
from seedwitness.checkpoints.families.stable_diffusion_xl import STABLE_DIFFUSION_XL
from seedwitness.errors import CheckpointError

FAMILIES: dict[str, Family] = {
    family.pipeline_class: family
    for family in (STABLE_DIFFUSION, STABLE_DIFFUSION_XL, STABLE_DIFFUSION_3, FLUX)
}
"""Families by the class that a folder's model_index.json names."""


def get_family(pipeline: object) -> Family:
    """The family of a loaded pipeline. Raises CheckpointError for a class without an adapter."""
    name = type(pipeline).__name__
    if name not in FAMILIES:
        raise CheckpointError(
            f"There is no adapter for the class {name}. Supported: {', '.join(FAMILIES)}."
        )
    return FAMILIES[name]
