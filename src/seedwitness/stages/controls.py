"""Controls: images known to be outside the training set, put through the same steps as a target.

Each has its own caption as the first candidate, as a target that is found in the corpus has its
own; the rest of its prompts are looked up and recovered as a target's are. Budget, strategy and
metrics are a target's. Without all that, target and controls would not be exchangeable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from seedwitness import config, records
from seedwitness.errors import PictureError
from seedwitness.files import replacing
from seedwitness.imagefolder import Entry, entries
from seedwitness.pictures import decoded, pixel_hash
from seedwitness.stages import copies, frozen, place

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image


def run(checkpoint: str) -> None:
    """Write ``controls.parquet``: one row a control, trial and metric; and ``prompts.parquet``.

    ``reach.parquet`` (``records.CONTROLS_REACH``) is the reachability ladder of some of them.
    """
    from seedwitness.checkpoints.loading import load
    from seedwitness.checkpoints.sampling import decode_latents
    from seedwitness.metrics import scoring
    from seedwitness.search import cases, reach

    protocol = frozen("controls")
    settings = config.section(config.Controls, "controls", path=protocol)
    search = config.section(config.Search, "search", path=protocol)
    climbed = config.section(config.Reach, "reach", path=protocol)
    score = config.section(config.Score, "score", path=protocol)
    cases.check(search)
    metrics = scoring.load(score.metrics, score.weights, score.batch)
    chosen = choose(entries(settings.path), settings)
    pictures = {each.file_name: decoded(settings.path / each.file_name) for each in chosen}
    prompts, seen = asked(chosen, pictures, search.prompts)
    identity = records.read(records.Checkpoint, place("identify", checkpoint) / "checkpoint.json")
    described = config.section(config.Checkpoint, "checkpoints", checkpoint)
    loaded = load(checkpoint, described, identity)
    searched = cases.run(
        loaded,
        {name: cases.Case(pictures[name], tuple(each["text"])) for name, each in prompts.items()},
        search,
        copies=copies(loaded, search, protocol),
    )
    rows: list[dict[str, Any]] = []
    for each in chosen:
        picture, outcome = pictures[each.file_name], searched.outcomes[each.file_name]
        about = {
            "control": each.file_name,
            "pixels_sha256": pixel_hash(picture),
            "caption": each.text,
            "corpus_match": seen[each.file_name],
        }
        names = [recipe.id for recipe in outcome.recipes]
        for start in range(0, len(names), score.batch):
            part = names[start : start + score.batch]
            latents = [outcome.made[name].latent for name in part]
            stack = _stacked(latents).to(loaded.pipeline.device)
            made = decode_latents(loaded.pipeline, stack)
            target = scoring.aligned(picture, made.shape[-1], made.shape[-2])
            rows += [about | row for row in scoring.rows(metrics, part, made, target)]
    climbing = chosen[: climbed.controls] if climbed.strengths else []
    reached: list[dict[str, Any]] = []
    if climbing:
        shown = _stacked(
            [reach.pixels(loaded, pictures[each.file_name], search) for each in climbing]
        )
        texts = [str(prompts[each.file_name]["text"].iloc[0]) for each in climbing]
        rungs = reach.ladder(loaded, shown, texts, climbed, search)
        for number, each in enumerate(climbing):
            about = {
                "control": each.file_name,
                "pixels_sha256": pixel_hash(pictures[each.file_name]),
            }
            reached += [about | row for row in reach.scored(metrics, rungs, number, shown[number])]
    with replacing(place("controls", checkpoint)) as part_:
        part_.mkdir()
        records.write_table(part_ / "reach.parquet", reached, records.CONTROLS_REACH)
        records.write_table(part_ / "controls.parquet", rows, records.CONTROLS)
        records.write_table(
            part_ / "prompts.parquet",
            [
                {"control": name, **{str(key): value for key, value in row.items()}}
                for name, table in prompts.items()
                for row in table.to_dict("records")
            ],
            {"control": records.TEXT, **records.PROMPTS},
        )


def choose(there: Sequence[Entry], settings: config.Controls) -> list[Entry]:
    """``settings.count`` pictures, by the hash of their names: so that nobody chose them.

    Raises PictureError where the folder has fewer.
    """
    if len(there) < settings.count:
        raise PictureError(
            f"{settings.path} has {len(there)} pictures, and {settings.count} controls are asked "
            "for. Bring more, or lower controls.count: p cannot fall below 1 / (1 + controls)."
        )
    ordered = sorted(there, key=lambda each: sha256(each.file_name.encode()).digest())
    return ordered[: settings.count]


def asked(
    chosen: Sequence[Entry], pictures: Mapping[str, Image.Image], limit: int
) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """For each control its candidates, as a target gets them, with its own caption first.

    And where the corpus holds the control itself; mostly empty.
    """
    import pandas as pd

    from seedwitness.metrics import pdq
    from seedwitness.prompts.asking import asker
    from seedwitness.prompts.candidates import candidates

    protocol = frozen("controls")
    ask = asker(
        config.section(config.Clip, "clip", path=protocol),
        config.section(config.Recover, "recover", path=protocol),
        place("index"),
    )
    lookup = config.section(config.Lookup, "lookup", path=protocol)
    corpus = config.section(config.Corpus, "corpus", path=protocol)
    index = ask.open(place("index"))
    found, seen = {}, {}
    for each in chosen:
        picture = pictures[each.file_name]
        recovered, _ = ask.recover(picture, claims=(), caption=None)
        _, matches = ask.look_up(index, picture, (), corpus.path, lookup)
        own = ask.own_caption(picture, each.text)
        found[each.file_name] = candidates(recovered, pd.concat([own, matches]), limit)
        quality = matches["pdq_quality"].clip(upper=int(own["pdq_quality"].iloc[0]))
        near = matches["pdq_distance"] <= pdq.INFO.copy_threshold
        same = near & (quality >= pdq.LEAST_QUALITY)
        seen[each.file_name] = next(iter(matches.loc[same, "location"]), "")
    return found, seen


def _stacked(latents: Sequence[Any]) -> Any:
    import torch

    return torch.stack(list(latents))
