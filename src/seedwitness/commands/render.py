"""One recipe made again, by itself, and held against what a report says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.inputs import CheckpointSettings, EntryName
from seedwitness.config.reading import FILE_NAME, load_section, suggest_names, validate
from seedwitness.errors import ConfigError, RecordError
from seedwitness.imaging.decoding import decode_image
from seedwitness.records.document import read_document
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import RegeneratedImage
from seedwitness.runtime.files import replace_whole

if TYPE_CHECKING:
    from PIL import Image

    from seedwitness.report.evidence import CaseEvidence, Cited, Evidence

ROUNDING = 1.0
"""Mean difference in levels of 255 up to which two pictures are taken for one, rounded apart."""


@dataclass(frozen=True)
class KnownRecipe:
    """A recipe, and what is said of its outcome; a bare recipe says nothing."""

    recipe: Recipe
    checkpoint_sha256: str = ""
    noise_sha256: str = ""
    latent_sha256: str = ""
    picture: Path | None = None


@dataclass(frozen=True)
class RenderResult:
    """What was said and what came of it, a line each; ``agrees`` where nothing contradicts."""

    lines: list[str]
    agrees: bool


def find_recipe(
    path: Path, checkpoint: str | None = None, trial: str | None = None
) -> tuple[str, KnownRecipe]:
    """A recipe by its file, or by its trial in a report's ``evidence.json``; and its checkpoint.

    Where there is but one checkpoint or trial to choose from, it need not be named. Raises
    RecordError for a file that is neither, ConfigError where the choice is open or there is none.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{path} cannot be read as JSON: {error}. Name a recipe, or a report's evidence.json."
        ) from error
    if isinstance(content, dict) and "cases" in content:
        from seedwitness.report.evidence import Evidence

        return _cited(read_document(Evidence, path), path, checkpoint, trial)
    names = [each.name for each in fields(Recipe)]
    odd = [] if not isinstance(content, dict) else [key for key in content if key not in names]
    if odd:
        raise ConfigError(f"{path}: a recipe has no `{odd[0]}`.{suggest_names(odd[0], names)}")
    there = list(load_section(dict[EntryName, CheckpointSettings], "checkpoints"))
    name = _chosen(checkpoint, there, "checkpoint", FILE_NAME)
    return name, KnownRecipe(validate(Recipe, content, str(path)))


def _cited(
    evidence: Evidence, path: Path, checkpoint: str | None, trial: str | None
) -> tuple[str, KnownRecipe]:
    cases: dict[str, CaseEvidence] = {case.checkpoint: case for case in evidence.cases}
    name = _chosen(checkpoint, list(cases), "checkpoint", str(path))
    case = cases[name]
    shown: dict[str, tuple[Cited | RegeneratedImage, str | None]] = {
        each.trial: (each, each.image) for each in case.cited
    }
    scan = case.generated.scan
    if scan.regenerated and case.recovered:
        shown |= {scan.regenerated.trial: (scan.regenerated, case.recovered.image)}
    replayed = {
        each.trial: each
        for other in evidence.cases
        for each in (other.cited if other.replay.reference == name else [])
        if each.reference_image and each.trial not in shown
    }
    chosen = _chosen(trial, [*shown, *replayed], "trial", f"{path} for {name}")
    if chosen in replayed:
        again = replayed[chosen]
        return name, KnownRecipe(
            again.recipe, case.checkpoint_sha256, picture=_at(path, again.reference_image)
        )
    one, image = shown[chosen]
    return name, KnownRecipe(
        recipe=one.recipe,
        checkpoint_sha256=case.checkpoint_sha256,
        noise_sha256=one.noise_sha256,
        latent_sha256=one.latent_sha256,
        picture=_at(path, image),
    )


def _at(report: Path, image: str | None) -> Path | None:
    """Where a report's picture lies, that of ``report``."""
    return report.parent / image if image else None


def _chosen(name: str | None, there: list[str], what: str, where: str) -> str:
    if name is None and len(there) == 1:
        return there[0]
    if name in there:
        return str(name)
    said = f"{where} has no {what} `{name}`." if name else f"{where} has several {what}s."
    raise ConfigError(f"{said}{suggest_names(name or '', there)} Choose by --{what}.")


def render_recipe(name: str, known: KnownRecipe, out: Path) -> RenderResult:
    """Make the picture of ``known`` on the checkpoint ``name`` of ``params.yaml``; write a PNG.

    The recipe goes through the denoiser alone. A search runs recipes in batches, where float
    arithmetic may differ in the last bits: so the noise must agree bit for bit, the final latent
    may, and the picture must but for rounding, at most ``ROUNDING`` levels in the mean.
    """
    from PIL import Image

    from seedwitness.checkpoints.loading import load_checkpoint
    from seedwitness.engine.executor import sample_recipes
    from seedwitness.engine.latent_cache import hash_rows
    from seedwitness.engine.sampling import decode_latents

    described = load_section(CheckpointSettings, "checkpoints", name)
    described = described.model_copy(update={"dtype": known.recipe.dtype})
    loaded = load_checkpoint(name, described)
    latents, noise = sample_recipes(loaded, [known.recipe])
    pixels = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))[0]
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    out.parent.mkdir(parents=True, exist_ok=True)
    with replace_whole(out) as part:
        image.save(part, "PNG")
    same = [
        ("Checkpoint", known.checkpoint_sha256, loaded.checkpoint.sha256),
        ("Noise", known.noise_sha256, noise[0]),
    ]
    lines = [_compared(*each) for each in same]
    agrees = all(not said or said == found for _, said, found in same)
    line = _compared("Final latent", known.latent_sha256, hash_rows(latents)[0])
    if known.latent_sha256 not in ("", hash_rows(latents)[0]):
        line += " Its last bits may differ: the search ran it in a batch, here it ran alone."
    lines.append(line)
    if known.picture is not None:
        line, near = _beside(image, known.picture)
        lines.append(line)
        agrees = agrees and near
    return RenderResult([*lines, f"Written to {out}."], agrees)


def _compared(what: str, said: str, found: str) -> str:
    if not said:
        return f"{what}: SHA-256 {found}."
    if said == found:
        return f"{what}: as reported, SHA-256 {found}."
    return f"{what}: not as reported: SHA-256 {found}, and the report says {said}."


def _beside(image: Image.Image, path: Path) -> tuple[str, bool]:
    """How far the picture is from the one in the report, in words, and whether that is rounding."""
    import numpy as np

    there: Any = np.asarray(
        decode_image(path, "It lay beside the report: take it from there."), int
    )
    here: Any = np.asarray(image, int)
    if here.shape != there.shape:
        return f"Picture: not as reported: {path} has another size.", False
    apart = np.abs(here - there)
    if not apart.any():
        return f"Picture: as {path}, in every pixel.", True
    mean, most = float(apart.mean()), int(apart.max())
    line = f"Picture: {mean:.3g} of 255 levels from {path} in the mean, {most} at most."
    return line, mean <= ROUNDING
