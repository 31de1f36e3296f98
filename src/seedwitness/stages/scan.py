"""Scan the seed space for one target and checkpoint: ``data/scan/TARGET/CHECKPOINT/``."""

from __future__ import annotations

from seedwitness import config
from seedwitness.files import replacing
from seedwitness.pictures import decoded
from seedwitness.prompts.candidates import candidates
from seedwitness.records import MATCHES, PROMPTS, Checkpoint, Target, read, read_table
from seedwitness.stages import place


def run(target: str, checkpoint: str) -> None:
    """Write ``scan.json``, and ``regenerated.png`` where a seed was recovered."""
    from seedwitness.checkpoints.loading import load
    from seedwitness.search import scanning
    from seedwitness.search.origin import origin

    settings = config.section(config.Scan, "scan")
    search = config.section(config.Search, "search")
    scanning.check(settings)
    prompts = candidates(
        read_table(place("recover", target) / "prompts.parquet", PROMPTS),
        read_table(place("lookup", target) / "matches.parquet", MATCHES),
        max(settings.prompts, settings.fit.prompts),
    )
    prepared = place("prepare", target)
    picture = decoded(prepared / "image.png", f"`dvc repro prepare@{target}` writes it.")
    about = read(Target, prepared / "target.json")
    identified = read(Checkpoint, place("identify", checkpoint) / "checkpoint.json")
    described = config.section(config.Checkpoint, "checkpoints", checkpoint)
    loaded = load(checkpoint, described, identified)
    found = origin(loaded, target, picture, list(prompts["text"]), about.claims, settings, search)
    with replacing(place("scan", target, checkpoint)) as part:
        part.mkdir()
        found.scan.write(part / "scan.json")
        if found.picture is not None:
            found.picture.save(part / "regenerated.png")
