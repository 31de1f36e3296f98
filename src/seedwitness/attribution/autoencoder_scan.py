"""Scans the seed space for an image whose checkpoint is unknown, by its autoencoder alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from seedwitness.attribution import claimed_recipes, looks, seed_scan
from seedwitness.attribution.hidden_areas import Box, check_hidden_areas
from seedwitness.attribution.placements import plan_placements
from seedwitness.config.steps import ScanSettings
from seedwitness.engine.latent_cache import DEFAULT_ROOT
from seedwitness.engine.schedulers import STABLE_DIFFUSION
from seedwitness.errors import ConfigError
from seedwitness.records.seed_scan import AutoencoderScan
from seedwitness.records.target import Claim

USUAL_SIZES = ((512, 512), (768, 768), (1024, 1024), (512, 768), (768, 512))
"""Widths and heights of images that people make most with Stable Diffusion."""


def scan_by_autoencoder(
    vae: Any,
    autoencoder: str,
    autoencoder_sha256: str,
    name: str,
    picture: Image.Image,
    claims: Sequence[Claim],
    settings: ScanSettings,
    *,
    hidden: Sequence[Box] = (),
    ledger: Path = DEFAULT_ROOT,
) -> AutoencoderScan:
    """Scan the seed space for ``picture`` by the looks that need no denoiser.

    The noise levels of an ancestral sampler are those of Stable Diffusion. A seed that is found is
    that of an image by some checkpoint with this autoencoder. A target whose sides are no multiples
    of the autoencoder's scale is laid into images of the claimed size, or of USUAL_SIZES. Raises
    ConfigError if it fits into none, or if a ``hidden`` area does not lie in it.
    """
    check_hidden_areas(hidden, picture.size)
    target = looks.EncodedTarget(vae, picture, hidden)
    scale = target.scale
    is_size_made = not (picture.width % scale or picture.height % scale)
    sizes = [
        size
        for size in claimed_recipes.list_claimed_sizes(claims)
        if not (size[0] % scale or size[1] % scale)
    ]
    if not (sizes or is_size_made):
        sizes = [*USUAL_SIZES]
    placements = plan_placements(picture, sizes, scale, settings.placements)
    cheap = [kind for kind in settings.looks if kind != "inversion"]
    kinds = looks.plan_looks(
        (),
        settings.model_copy(update={"looks": cheap}),
        placements=placements,
        is_size_made=is_size_made,
    )
    if not kinds:
        raise ConfigError(
            f"The sides of {name}, {picture.width} × {picture.height}, are no multiples of {scale} "
            "pixels, as those of all images by this autoencoder are: it was cropped or resized "
            "afterwards, from no claimed or usual size. Bring it back to its first size."
        )
    result = seed_scan.scan_seeds(
        kinds,
        lambda kind: looks.compute_weights(kind, target, STABLE_DIFFUSION, settings),
        settings,
        claimed_recipes.list_claimed_seeds(claims),
        ledger=ledger,
    )
    return AutoencoderScan(
        target=name,
        autoencoder=autoencoder,
        autoencoder_sha256=autoencoder_sha256,
        rng_algorithms=settings.rng_algorithms,
        first_seed=settings.first_seed,
        end_seed=settings.end_seed,
        draws=settings.draws,
        rounds=settings.fixed_point_rounds,
        looks=result.looks,
        alpha=settings.alpha,
        z_needed=result.z_needed,
        hidden=list(hidden),
        seeds=result.seeds,
    )
