"""Scan the seed space for one target and checkpoint: ``data/scan/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness.config.reading import load_section
from seedwitness.config.steps import ScanSettings, SearchSettings
from seedwitness.records.document import read_document
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import prompts
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write ``scan.json``, and ``regenerated.png`` where a seed was recovered."""
    from seedwitness.attribution import seed_scan
    from seedwitness.attribution.seed_attribution import attribute_to_seed

    protocol = frozen("scan")
    settings = load_section(ScanSettings, "scan", path=protocol)
    search = load_section(SearchSettings, "search", path=protocol)
    seed_scan.check_scan_settings(settings)
    texts = list(prompts(target, settings.num_candidates)["text"])
    prepared = output_path("prepare", target)
    picture = picture_of(target)
    about = read_document(TargetRecord, prepared / "target.json")
    loaded = loaded_as(checkpoint)
    found = attribute_to_seed(loaded, target, picture, texts, about.claims, settings, search)
    with replace_whole(output_path("scan", target, checkpoint)) as part:
        part.mkdir()
        found.scan.write(part / "scan.json")
        if found.picture is not None:
            found.picture.save(part / "regenerated.png")
