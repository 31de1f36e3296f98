"""Scan the seed space for one target and checkpoint: ``data/scan/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.files import replacing
from seedwitness.pictures import decoded
from seedwitness.records import Checkpoint, Target, read
from seedwitness.stages import frozen, place
from seedwitness.stages._inputs import prompts


def run(target: str, checkpoint: str) -> None:
    """Write ``scan.json``, and ``regenerated.png`` where a seed was recovered."""
    from seedwitness.checkpoints.loading import load
    from seedwitness.search import scanning
    from seedwitness.search.origin import origin

    protocol = frozen("scan")
    settings = config.section(config.Scan, "scan", path=protocol)
    search = config.section(config.Search, "search", path=protocol)
    scanning.check(settings)
    texts = list(prompts(target, settings.most_prompts)["text"])
    prepared = place("prepare", target)
    picture = decoded(prepared / "image.png", f"`dvc repro prepare@{target}` writes it.")
    about = read(Target, prepared / "target.json")
    identified = read(Checkpoint, place("identify", checkpoint) / "checkpoint.json")
    described = config.section(config.Checkpoint, "checkpoints", checkpoint)
    loaded = load(checkpoint, described, identified)
    found = origin(loaded, target, picture, texts, about.claims, settings, search)
    with replacing(place("scan", target, checkpoint)) as part:
        part.mkdir()
        found.scan.write(part / "scan.json")
        if found.picture is not None:
            found.picture.save(part / "regenerated.png")
