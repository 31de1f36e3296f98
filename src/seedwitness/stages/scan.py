"""Scan the seed space for one target and checkpoint: ``data/scan/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.records import Target, read
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import prompts
from seedwitness.stages._target import picture_of


def run(target: str, checkpoint: str) -> None:
    """Write ``scan.json``, and ``regenerated.png`` where a seed was recovered."""
    from seedwitness.attribution import seed_scan
    from seedwitness.attribution.seed_attribution import origin

    protocol = frozen("scan")
    settings = config.section(config.Scan, "scan", path=protocol)
    search = config.section(config.Search, "search", path=protocol)
    seed_scan.check(settings)
    texts = list(prompts(target, settings.most_prompts)["text"])
    prepared = place("prepare", target)
    picture = picture_of(target)
    about = read(Target, prepared / "target.json")
    loaded = loaded_as(checkpoint)
    found = origin(loaded, target, picture, texts, about.claims, settings, search)
    with replacing(place("scan", target, checkpoint)) as part:
        part.mkdir()
        found.scan.write(part / "scan.json")
        if found.picture is not None:
            found.picture.save(part / "regenerated.png")
