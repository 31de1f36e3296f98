"""``seedwitness render``: makes the image of one recipe again, and compares it with a report."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.inputs import CheckpointSettings, EntryName
from seedwitness.config.reading import FILE_NAME, load_section, suggest_names, validate
from seedwitness.errors import ConfigError, RecordError
from seedwitness.imaging.decoding import decode_image
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import RegeneratedImage
from seedwitness.runtime.files import replace_whole

if TYPE_CHECKING:
    from PIL import Image

    from seedwitness.report.evidence import CaseEvidence, CitedTrial, Evidence

MAX_ROUNDING = 1.0
"""Mean difference, in levels of 255, that is explained by rounding."""


@dataclass(frozen=True)
class ReportedRecipe:
    """A recipe and the results that a report states for it; empty for a recipe without a report."""

    recipe: Recipe
    checkpoint_sha256: str = ""
    noise_sha256: str = ""
    latent_sha256: str = ""
    picture: Path | None = None
    trial: str = ""


@dataclass(frozen=True)
class RenderResult:
    """The comparison with the report in lines; ``agrees`` if nothing contradicts it."""

    lines: list[str]
    agrees: bool


def find_recipe(
    path: Path, checkpoint: str | None = None, trial: str | None = None
) -> tuple[str, ReportedRecipe]:
    """Read a recipe from its file, or a trial's from a report's ``evidence.json``.

    Gives the name of its checkpoint and the recipe. If there is only one checkpoint, it need not be
    named. Without ``trial``, the closest that the report cites is taken. Raises RecordError for a
    file that is neither, ConfigError if the checkpoint is ambiguous, or one of both unknown.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{path} cannot be read as JSON: {error}. Name a recipe, or a report's evidence.json."
        ) from error
    if isinstance(content, dict) and "cases" in content:
        from seedwitness.report.evidence_file import read_evidence

        return _find_cited_recipe(read_evidence(path), path, checkpoint, trial)
    names = [field.name for field in fields(Recipe)]
    unknown = [] if not isinstance(content, dict) else [key for key in content if key not in names]
    if unknown:
        hint = suggest_names(unknown[0], names)
        raise ConfigError(f"{path}: a recipe has no `{unknown[0]}`.{hint}")
    checkpoints = list(load_section(dict[EntryName, CheckpointSettings], "checkpoints"))
    name = _choose(checkpoint, checkpoints, "checkpoint", FILE_NAME)
    return name, ReportedRecipe(validate(Recipe, content, str(path)))


def _find_cited_recipe(
    evidence: Evidence, path: Path, checkpoint: str | None, trial: str | None
) -> tuple[str, ReportedRecipe]:
    cases: dict[str, CaseEvidence] = {case.checkpoint: case for case in evidence.cases}
    name = _choose(checkpoint, list(cases), "checkpoint", str(path))
    case = cases[name]
    shown: dict[str, tuple[CitedTrial | RegeneratedImage, str | None]] = {
        cited.trial: (cited, cited.image) for cited in case.cited
    }
    scan = case.generated.scan
    if scan.regenerated and case.recovered:
        shown |= {scan.regenerated.trial: (scan.regenerated, case.recovered.image)}
    replayed = {
        cited.trial: cited
        for other in evidence.cases
        for cited in (other.cited if other.replay.reference == name else [])
        if cited.reference_image and cited.trial not in shown
    }
    closest = case.cited[0].trial  # they are in that order
    selected = _choose(trial or closest, [*shown, *replayed], "trial", f"{path} for {name}")
    if selected in replayed:
        replay = replayed[selected]
        return name, ReportedRecipe(
            recipe=replay.recipe,
            checkpoint_sha256=case.checkpoint_sha256,
            picture=_image_path(path, replay.reference_image),
            trial=selected,
        )
    result, image = shown[selected]
    return name, ReportedRecipe(
        recipe=result.recipe,
        checkpoint_sha256=case.checkpoint_sha256,
        noise_sha256=result.noise_sha256,
        latent_sha256=result.latent_sha256,
        picture=_image_path(path, image),
        trial=selected,
    )


def _image_path(report: Path, image: str | None) -> Path | None:
    """The path of an image of the report whose ``evidence.json`` is ``report``."""
    return report.parent / image if image else None


def _choose(name: str | None, names: list[str], kind: str, where: str) -> str:
    """``name`` if it is among ``names``, or the only one of these. Raises ConfigError otherwise."""
    if name is None and len(names) == 1:
        return names[0]
    if name in names:
        return str(name)
    problem = f"{where} has no {kind} `{name}`." if name else f"{where} has several {kind}s."
    raise ConfigError(f"{problem}{suggest_names(name or '', names)} Choose one with --{kind}.")


def render_recipe(
    name: str, reported: ReportedRecipe, out: Path, settings: CheckpointSettings | None = None
) -> RenderResult:
    """Sample a recipe on a checkpoint, and write its image as PNG.

    The checkpoint is the one of ``settings``, or that of the name in ``params.yaml``.

    The recipe is sampled alone. A search samples in batches, where float arithmetic may differ in
    the last bits. So the noise has to agree bit for bit, the final latent may differ, and the image
    has to agree up to rounding: at most ``MAX_ROUNDING`` levels in the mean.
    """
    from PIL import Image

    from seedwitness.checkpoints.loading import load_checkpoint
    from seedwitness.engine.latent_cache import hash_rows
    from seedwitness.engine.sampling import decode_latents
    from seedwitness.engine.shard_computation import sample_recipes

    settings = settings or load_section(CheckpointSettings, "checkpoints", name)
    settings = settings.model_copy(update={"dtype": reported.recipe.dtype})
    loaded = load_checkpoint(name, settings)
    latents, noise = sample_recipes(loaded, [reported.recipe])
    latents = latents.to(loaded.pipeline.device)
    pixels = decode_latents(loaded.pipeline, latents, reported.recipe.sampler)[0]
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    out.parent.mkdir(parents=True, exist_ok=True)
    with replace_whole(out) as part:
        image.save(part, "PNG")
    comparisons = [
        ("Checkpoint", reported.checkpoint_sha256, loaded.checkpoint.sha256),
        ("Noise", reported.noise_sha256, noise[0]),
    ]
    lines = describe_seed_reduction(reported.recipe)
    lines += [_compare_hashes(*comparison) for comparison in comparisons]
    agrees = all(not expected or expected == actual for _, expected, actual in comparisons)
    line = _compare_hashes("Final latent", reported.latent_sha256, hash_rows(latents)[0])
    if reported.latent_sha256 not in ("", hash_rows(latents)[0]):
        line += " Its last bits may differ, because the search sampled it in a batch."
    lines.append(line)
    if reported.picture is not None:
        line, image_agrees = _compare_images(image, reported.picture)
        lines.append(line)
        agrees = agrees and image_agrees
    return RenderResult([*lines, f"Written to {out}."], agrees)


def describe_seed_reduction(recipe: Recipe) -> list[str]:
    """Say which 32-bit seeds torch's CPU generator takes for larger ones; empty without any."""
    from seedwitness.seeds import is_seed_reduced
    from seedwitness.seeds.torch_cpu import SEED_COUNT

    seeds = dict.fromkeys([recipe.seed, *(seed for seed, _ in recipe.mixed_seeds)])
    return [
        f"Seed {seed}: {recipe.rng} takes it modulo 2^32, as seed {seed % SEED_COUNT}."
        for seed in seeds
        if is_seed_reduced(recipe.rng, seed)
    ]


def _compare_hashes(name: str, expected: str, actual: str) -> str:
    if not expected:
        return f"{name}: SHA-256 {actual}."
    if expected == actual:
        return f"{name}: as reported, SHA-256 {actual}."
    return f"{name}: not as reported: SHA-256 {actual}, and the report says {expected}."


def _compare_images(image: Image.Image, path: Path) -> tuple[str, bool]:
    """The difference from the image of the report in words, and whether rounding explains it."""
    import numpy as np

    expected: Any = np.asarray(
        decode_image(path, "It belongs to the report: restore it from there."), int
    )
    actual: Any = np.asarray(image, int)
    if actual.shape != expected.shape:
        return f"Image: not as reported: {path} has another size.", False
    difference = np.abs(actual - expected)
    if not difference.any():
        return f"Image: equal to {path} in every pixel.", True
    mean, largest = float(difference.mean()), int(difference.max())
    line = f"Image: {mean:.3g} of 255 levels from {path} in the mean, {largest} at most."
    return line, mean <= MAX_ROUNDING
