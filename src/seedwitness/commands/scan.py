"""``seedwitness scan``: scans the seed space for one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from seedwitness.config.inputs import CheckpointSettings, EntryName
from seedwitness.config.reading import FILE_NAME, load_section, suggest_names, validate
from seedwitness.config.steps import PrepareSettings, ScanSettings, SearchSettings
from seedwitness.config.targets import image_path, list_targets
from seedwitness.errors import ConfigError
from seedwitness.records.seed_scan import AutoencoderScan, ScannedSeeds, SeedCandidate, SeedScan
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import printable_json
from seedwitness.stages import output_path
from seedwitness.stages._prompts import load_prompts
from seedwitness.targets.target_reader import read_target

ALL = "all"


@dataclass(frozen=True)
class ScanTarget:
    """A target, its claims, and the prompts for inversion and recipe fitting, best first."""

    name: str
    image: Image.Image
    record: TargetRecord
    prompts: list[str]
    hidden: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Areas that are not compared: left, top, right and bottom in pixels."""


def resolve_target(
    target: str, prompts: Sequence[str] = (), hidden: Sequence[str] = ()
) -> ScanTarget:
    """Read a listed target by its name, or any image by its path.

    Without ``prompts``, the prompts that the pipeline recovered for a listed target are used, or
    those that the file itself claims. ``hidden`` areas are given as LEFT,TOP,RIGHT,BOTTOM. Raises
    ConfigError if ``target`` is neither, PictureError for
    a file that is not an image.
    """
    listed = list_targets()
    if target in listed:
        name, path = target, image_path(target, listed[target])
    elif Path(target).exists():
        name, path = Path(target).stem, Path(target)
    else:
        raise ConfigError(
            f"{target} is neither a file nor a target of this project."
            f"{suggest_names(target, listed)}"
        )
    image, record = read_target(path, name)
    candidates = list(prompts) or (_load_recovered_prompts(name) if target in listed else [])
    claimed = [claim.prompt for claim in record.claims if claim.prompt]
    areas = [_read_area(each) for each in hidden]
    return ScanTarget(name, image, record, candidates or claimed, areas)


def _read_area(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--hide takes LEFT,TOP,RIGHT,BOTTOM in pixels, such as 0,480,512,512, not {text!r}."
        ) from error
    return left, top, right, bottom


def _load_recovered_prompts(name: str) -> list[str]:
    """The prompts that the pipeline recovered for a listed target; empty before it has run."""
    outputs = output_path("recover", name), output_path("lookup", name)
    if not all(path.exists() for path in outputs):
        return []
    return list(load_prompts(name, load_section(ScanSettings, "scan").num_candidates)["text"])


def make_scan_settings(
    prompts: int, rng: Sequence[str] = (), seeds: str | None = None, draws: int | None = None
) -> ScanSettings:
    """The section ``scan`` of params.yaml, or outside of a project the defaults, with the options.

    ``prompts`` is the least number of prompts to invert under. ``rng`` names RNG algorithms, or
    ``all``. ``seeds`` is ``FROM:TO``. ``draws`` is the number of draws of each
    generator to scan. Raises ConfigError for an invalid value.
    """
    from seedwitness.seedscan.cascade import KERNELS

    in_project = Path(FILE_NAME).exists()
    configured = load_section(ScanSettings, "scan") if in_project else ScanSettings()
    changed: dict[str, Any] = configured.model_dump()
    changed["prompts"] = max(configured.prompts, prompts)
    changed["recipe_fit"]["prompts"] = max(configured.recipe_fit.prompts, prompts)
    if rng:
        changed["rng_algorithms"] = list(KERNELS) if ALL in rng else list(dict.fromkeys(rng))
    if draws is not None:
        changed["draws"] = draws
    if seeds is not None:
        first, _, end = seeds.partition(":")
        try:
            changed["first_seed"], changed["end_seed"] = int(first), int(end)
        except ValueError as error:
            raise ConfigError(
                f"--seeds takes FROM:TO, two whole numbers such as 0:4294967296, not {seeds!r}."
            ) from error
    return validate(ScanSettings, changed, "scan")


def run_scan(
    target: ScanTarget, checkpoint: str, settings: ScanSettings, out: Path | None = None
) -> SeedScan:
    """Scan for a target on a checkpoint of params.yaml.

    The image of a recovered seed is written to ``out``. Raises ConfigError for a checkpoint that is
    not listed, CheckpointError if it cannot be used.
    """
    from seedwitness.attribution.seed_attribution import attribute_to_seed
    from seedwitness.checkpoints.loading import load_checkpoint

    checkpoints = load_section(dict[EntryName, CheckpointSettings], "checkpoints")
    if checkpoint not in checkpoints:
        raise ConfigError(
            f"{FILE_NAME} has no checkpoint `{checkpoint}`.{suggest_names(checkpoint, checkpoints)}"
        )
    loaded = load_checkpoint(checkpoint, checkpoints[checkpoint])
    attribution = attribute_to_seed(
        loaded,
        target.name,
        target.image,
        target.prompts,
        target.record.claims,
        settings,
        load_section(SearchSettings, "search"),
        hidden=target.hidden,
    )
    if out is not None and attribution.picture is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replace_whole(out) as part:
            attribution.picture.save(part, "PNG")
    return attribution.scan


def run_autoencoder_scan(target: ScanTarget, vae: Path, settings: ScanSettings) -> AutoencoderScan:
    """Scan for a target of which only the autoencoder is known.

    Raises CheckpointError if the autoencoder cannot be loaded.
    """
    from seedwitness.attribution.autoencoder_scan import scan_by_autoencoder
    from seedwitness.checkpoints.autoencoder import load_autoencoder

    loaded = load_autoencoder(vae)
    return scan_by_autoencoder(
        loaded.vae,
        str(loaded.path),
        loaded.sha256,
        target.name,
        target.image,
        target.record.claims,
        settings,
        hidden=target.hidden,
    )


def format_autoencoder_lines(scan: AutoencoderScan) -> list[str]:
    """A scan without a checkpoint as lines to print: the best seeds, and what they mean."""
    best = scan.seeds[0] if scan.seeds else None
    if best is not None and best.recovered:
        how = "first noise" if best.look.kind == "first-noise" else "noise after each step"
        meaning = (
            f"The noise of seed {best.seed} by {best.rng} is in the image, as the {how} of a "
            f"sampler (family-wise p = {best.p:.2g}). It was made by some checkpoint with this "
            "autoencoder: which one is unknown, and `seedwitness scan --checkpoint` tells whether "
            "it is a given one."
        )
    else:
        least = ", ".join(
            f"{value:.3f} by the look at {kind.replace('-', ' ')}"
            for kind, value in scan.detectable_correlations.items()
        )
        meaning = (
            f"No seed from {scan.first_seed:,} to {scan.end_seed - 1:,} was recovered. A "
            f"correlation of {least} would have been with a chance of 95 %. That says nothing of "
            "images that come out the same whatever the seed, or that no such autoencoder decoded."
        )
    return [*_format_seeds(scan), meaning]


def _format_seeds(scan: ScannedSeeds) -> list[str]:
    """The best seeds as a table; no line if there are none."""
    if not scan.seeds:
        return []
    return [
        f"{'seed':>10}  {'rng':10} {'look':12} {'z':>6}  {'p':>8}  recovered",
        *(
            f"{seed.seed:>10}  {seed.rng:10} {seed.look.kind:12} {seed.z:>6.2f}  {seed.p:>8.2g}  "
            f"{'yes' if seed.recovered else 'no'}{_format_origin(seed)}"
            for seed in scan.seeds
        ),
    ]


def format_lines(scan: SeedScan, target: TargetRecord) -> list[str]:
    """A scan as lines to print: the best seeds, the finding with its reasons and limits."""
    from seedwitness.report.wording import word_reason
    from seedwitness.targets.refusals import find_low_information
    from seedwitness.verdict.generated import judge_generated

    lines = _format_seeds(scan)
    answer = judge_generated(
        scan, find_low_information(target.information, load_section(PrepareSettings, "prepare"))
    )
    lines.append(f"Made by {scan.checkpoint}: {answer.finding}.")
    lines += [word_reason(reason) for reason in (*answer.reasons, *answer.limits)]
    if scan.regenerated is not None:
        lines.append(f"Recipe: {printable_json(asdict(scan.regenerated.recipe))}")
    return lines


def _format_origin(seed: SeedCandidate) -> str:
    draw = f", draw {seed.batch_index + 1} of its generator" if seed.batch_index else ""
    placement, placed = seed.look.placement, ""
    if placement is not None:
        placed = f", the target laid into {placement.width} × {placement.height} pixels"
    return f"{draw}{', claimed by the file' if seed.claimed else ''}{placed}"


def dump_scan(scan: SeedScan) -> dict[str, Any]:
    """A scan for other programs: the document, with a ``distance`` for each seed.

    The distance is the root mean square difference, in [0, 1], between the target and the image
    from the seed; null for a seed that was not recovered, from which no image is made.
    """
    content = scan.model_dump(mode="json")
    image = scan.regenerated
    for seed in content["seeds"]:
        noise = seed["seed"], seed["rng"], seed["batch_index"]
        recipe = image and (image.recipe.seed, image.recipe.rng, image.recipe.batch_index)
        seed["distance"] = image.rms / 255 if image is not None and recipe == noise else None
    return content
