"""Scan the seed space for one target and checkpoint: ``data/scan/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness.config.stage_settings import ScanStage, load_stage_settings
from seedwitness.records.document import read_document
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.stages._checkpoint import load_identified, record_cache_use
from seedwitness.stages._prompts import load_phrases, load_prompts
from seedwitness.stages._target_image import load_target_image


def run(target: str, checkpoint: str) -> None:
    """Write ``scan.json``, and ``regenerated.png`` where a seed was recovered."""
    from seedwitness.attribution.seed_attribution import attribute_to_seed

    settings = load_stage_settings("scan", ScanStage)
    prompts = list(load_prompts(target, settings.scan.num_candidates)["text"])
    record = read_document(TargetRecord, output_path("prepare", target) / "target.json")
    image, loaded = load_target_image(target), load_identified(checkpoint)
    attribution = attribute_to_seed(
        loaded,
        target,
        image,
        prompts,
        record.claims,
        settings.scan,
        settings.search,
        phrases=load_phrases(target) if settings.scan.recipe_fit.prompt_nfe else (),
    )
    with replace_whole(output_path("scan", target, checkpoint)) as part:
        part.mkdir()
        attribution.scan.write(part / "scan.json")
        if attribution.picture is not None:
            attribution.picture.save(part / "regenerated.png")
    record_cache_use("scan", attribution.keys, target, checkpoint)
