"""The seed space, looked through for one image at the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from seedwitness import config, records
from seedwitness.errors import ConfigError
from seedwitness.records import canonical
from seedwitness.runtime.files import replacing
from seedwitness.stages import _inputs, place
from seedwitness.targets.information import too_flat
from seedwitness.targets.reading import read

ALL = "all"


@dataclass(frozen=True)
class Question:
    """A target, its claims, and the prompts that it is inverted and fitted under, best first."""

    name: str
    image: Image.Image
    target: records.Target
    prompts: list[str]


def question(target: str, prompts: Sequence[str] = ()) -> Question:
    """A listed target by its name, or any picture by its path.

    Without ``prompts``, those count that the pipeline recovered of a listed target, if it did, or
    that the file itself claims. Raises ConfigError for what is neither, PictureError for a file
    that is no picture.
    """
    listed = config.section(dict[config.Name, config.Target], "targets")
    if target in listed:
        name, path = target, listed[target].path
    elif Path(target).exists():
        name, path = Path(target).stem, Path(target)
    else:
        raise ConfigError(
            f"{target} is neither a file nor a target of {config.FILE_NAME}."
            f"{config.known(target, listed)}"
        )
    image, about = read(path, name)
    found = list(prompts) or (_recovered(name) if target in listed else [])
    claimed = [each.prompt for each in about.claims if each.prompt]
    return Question(name, image, about, found or claimed)


def _recovered(name: str) -> list[str]:
    """What the pipeline recovered of a listed target; none where it has not come to that yet."""
    there = place("recover", name), place("lookup", name)
    if not all(each.exists() for each in there):
        return []
    return list(_inputs.prompts(name, config.section(config.Scan, "scan").most_prompts)["text"])


def settings(
    prompts: int, rng: Sequence[str] = (), seeds: str | None = None, pictures: int | None = None
) -> config.Scan:
    """The section ``scan`` of params.yaml, changed by what was asked for.

    ``prompts`` are at least so many as the target is inverted under; ``rng`` names protocols, or
    all that can be scanned by ``all``; ``seeds`` is ``FROM:TO``; ``pictures`` of a ComfyUI batch
    are looked for. Raises ConfigError where that cannot be.
    """
    from seedwitness.attribution.seed_scan import check
    from seedwitness.seedscan.cascade import KERNELS

    own = config.section(config.Scan, "scan")
    changed: dict[str, Any] = own.model_dump()
    changed["prompts"] = max(own.prompts, prompts)
    changed["fit"]["prompts"] = max(own.fit.prompts, prompts)
    if rng:
        changed["protocols"] = list(KERNELS) if ALL in rng else list(dict.fromkeys(rng))
    if pictures is not None:
        changed["pictures"] = pictures
    if seeds is not None:
        first, _, end = seeds.partition(":")
        try:
            changed["first_seed"], changed["end_seed"] = int(first), int(end)
        except ValueError as error:
            raise ConfigError(
                f"--seeds takes FROM:TO, two whole numbers such as 0:4294967296, not {seeds!r}."
            ) from error
    made = config.validated(config.Scan, changed, "scan")
    check(made)
    return made


def scan(
    asked: Question, checkpoint: str, wanted: config.Scan, out: Path | None = None
) -> records.Scan:
    """Scan for ``asked`` on a checkpoint of params.yaml.

    A recovered seed's picture is written to ``out``. Raises ConfigError for a checkpoint that is
    not listed, CheckpointError where it cannot be used.
    """
    from seedwitness.attribution.seed_attribution import origin
    from seedwitness.checkpoints.loading import load

    there = config.section(dict[config.Name, config.Checkpoint], "checkpoints")
    if checkpoint not in there:
        raise ConfigError(
            f"{config.FILE_NAME} has no checkpoint `{checkpoint}`.{config.known(checkpoint, there)}"
        )
    loaded = load(checkpoint, there[checkpoint])
    found = origin(
        loaded,
        asked.name,
        asked.image,
        asked.prompts,
        asked.target.claims,
        wanted,
        config.section(config.Search, "search"),
    )
    if out is not None and found.picture is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as part:
            found.picture.save(part, "PNG")
    return found.scan


def told(found: records.Scan, target: records.Target) -> list[str]:
    """What a person reads of a scan: the best seeds, the finding and its limits, a line each."""
    from seedwitness.verdict.generated import generated

    lines = []
    if found.seeds:
        lines.append(f"{'seed':>10}  {'rng':10} {'z':>6}  {'p':>8}  recovered")
        lines += [
            f"{each.seed:>10}  {each.rng:10} {each.z:>6.2f}  {each.p:>8.2g}  "
            f"{'yes' if each.recovered else 'no'}{_besides(each)}"
            for each in found.seeds
        ]
    judged = generated(
        found, too_flat(target.information, config.section(config.Prepare, "prepare"))
    )
    lines += [f"Made by {found.checkpoint}: {judged.finding}.", *judged.reasons, *judged.limits]
    if found.regenerated is not None:
        lines.append(f"Recipe: {canonical(asdict(found.regenerated.recipe)).decode()}")
    return lines


def _besides(each: records.ScannedSeed) -> str:
    draw = f", draw {each.batch_index + 1} of its generator" if each.batch_index else ""
    return f"{draw}{', claimed by the file' if each.claimed else ''}"


def as_json(found: records.Scan) -> dict[str, Any]:
    """A scan for other programs: the document, each seed with ``distance``.

    That is the root mean square difference, in [0, 1], between the target and the picture that was
    made from the seed; null for a seed that was not recovered, of which none is made.
    """
    content = found.model_dump(mode="json")
    made = found.regenerated
    for each in content["seeds"]:
        noise = each["seed"], each["rng"], each["batch_index"]
        recipe = made and (made.recipe.seed, made.recipe.rng, made.recipe.batch_index)
        each["distance"] = made.rms / 255 if made is not None and recipe == noise else None
    return content
