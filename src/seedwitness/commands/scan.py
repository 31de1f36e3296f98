"""The seed space, looked through for one image at the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from seedwitness.config.inputs import CheckpointSettings, EntryName, TargetSettings
from seedwitness.config.reading import FILE_NAME, load_section, suggest_names, validate
from seedwitness.config.steps import PrepareSettings, ScanSettings, SearchSettings
from seedwitness.errors import ConfigError
from seedwitness.records.seed_scan import SeedCandidate, SeedScan
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.hashes import canonical_json
from seedwitness.stages import _inputs, output_path
from seedwitness.targets.target_reader import read_target

ALL = "all"


@dataclass(frozen=True)
class ScanTarget:
    """A target, its claims, and the prompts that it is inverted and fitted under, best first."""

    name: str
    image: Image.Image
    target: TargetRecord
    prompts: list[str]


def scan_target(target: str, prompts: Sequence[str] = ()) -> ScanTarget:
    """A listed target by its name, or any picture by its path.

    Without ``prompts``, those count that the pipeline recovered of a listed target, if it did, or
    that the file itself claims. Raises ConfigError for what is neither, PictureError for a file
    that is no picture.
    """
    listed = load_section(dict[EntryName, TargetSettings], "targets")
    if target in listed:
        name, path = target, listed[target].path
    elif Path(target).exists():
        name, path = Path(target).stem, Path(target)
    else:
        raise ConfigError(
            f"{target} is neither a file nor a target of {FILE_NAME}."
            f"{suggest_names(target, listed)}"
        )
    image, about = read_target(path, name)
    found = list(prompts) or (_recovered(name) if target in listed else [])
    claimed = [each.prompt for each in about.claims if each.prompt]
    return ScanTarget(name, image, about, found or claimed)


def _recovered(name: str) -> list[str]:
    """What the pipeline recovered of a listed target; none where it has not come to that yet."""
    there = output_path("recover", name), output_path("lookup", name)
    if not all(each.exists() for each in there):
        return []
    return list(
        _inputs.load_prompts(name, load_section(ScanSettings, "scan").num_candidates)["text"]
    )


def scan_settings(
    prompts: int, rng: Sequence[str] = (), seeds: str | None = None, pictures: int | None = None
) -> ScanSettings:
    """The section ``scan`` of params.yaml, changed by what was asked for.

    ``prompts`` are at least so many as the target is inverted under; ``rng`` names protocols, or
    all that can be scanned by ``all``; ``seeds`` is ``FROM:TO``; ``pictures`` of a ComfyUI batch
    are looked for. Raises ConfigError where that cannot be.
    """
    from seedwitness.attribution.seed_scan import check_scan_settings
    from seedwitness.seedscan.cascade import KERNELS

    own = load_section(ScanSettings, "scan")
    changed: dict[str, Any] = own.model_dump()
    changed["prompts"] = max(own.prompts, prompts)
    changed["recipe_fit"]["prompts"] = max(own.recipe_fit.prompts, prompts)
    if rng:
        changed["rng_algorithms"] = list(KERNELS) if ALL in rng else list(dict.fromkeys(rng))
    if pictures is not None:
        changed["draws"] = pictures
    if seeds is not None:
        first, _, end = seeds.partition(":")
        try:
            changed["first_seed"], changed["end_seed"] = int(first), int(end)
        except ValueError as error:
            raise ConfigError(
                f"--seeds takes FROM:TO, two whole numbers such as 0:4294967296, not {seeds!r}."
            ) from error
    made = validate(ScanSettings, changed, "scan")
    check_scan_settings(made)
    return made


def run_scan(
    asked: ScanTarget, checkpoint: str, wanted: ScanSettings, out: Path | None = None
) -> SeedScan:
    """Scan for ``asked`` on a checkpoint of params.yaml.

    A recovered seed's picture is written to ``out``. Raises ConfigError for a checkpoint that is
    not listed, CheckpointError where it cannot be used.
    """
    from seedwitness.attribution.seed_attribution import attribute_to_seed
    from seedwitness.checkpoints.loading import load_checkpoint

    there = load_section(dict[EntryName, CheckpointSettings], "checkpoints")
    if checkpoint not in there:
        raise ConfigError(
            f"{FILE_NAME} has no checkpoint `{checkpoint}`.{suggest_names(checkpoint, there)}"
        )
    loaded = load_checkpoint(checkpoint, there[checkpoint])
    found = attribute_to_seed(
        loaded,
        asked.name,
        asked.image,
        asked.prompts,
        asked.target.claims,
        wanted,
        load_section(SearchSettings, "search"),
    )
    if out is not None and found.picture is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replace_whole(out) as part:
            found.picture.save(part, "PNG")
    return found.scan


def format_lines(found: SeedScan, target: TargetRecord) -> list[str]:
    """What a person reads of a scan: the best seeds, the finding and its limits, a line each."""
    from seedwitness.report.wording import word_reason
    from seedwitness.verdict.exclusions import find_low_information
    from seedwitness.verdict.generated import judge_generated

    lines = []
    if found.seeds:
        lines.append(f"{'seed':>10}  {'rng':10} {'z':>6}  {'p':>8}  recovered")
        lines += [
            f"{each.seed:>10}  {each.rng:10} {each.z:>6.2f}  {each.p:>8.2g}  "
            f"{'yes' if each.recovered else 'no'}{_besides(each)}"
            for each in found.seeds
        ]
    judged = judge_generated(
        found, find_low_information(target.information, load_section(PrepareSettings, "prepare"))
    )
    lines.append(f"Made by {found.checkpoint}: {judged.finding}.")
    lines += [word_reason(reason) for reason in (*judged.reasons, *judged.limits)]
    if found.regenerated is not None:
        lines.append(f"Recipe: {canonical_json(asdict(found.regenerated.recipe)).decode()}")
    return lines


def _besides(each: SeedCandidate) -> str:
    draw = f", draw {each.batch_index + 1} of its generator" if each.batch_index else ""
    return f"{draw}{', claimed by the file' if each.claimed else ''}"


def as_json(found: SeedScan) -> dict[str, Any]:
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
