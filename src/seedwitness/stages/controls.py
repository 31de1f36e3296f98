"""Controls: images known to be outside the training set, put through the same steps as a target.

Each is asked as a target is whose user states its caption: what the corpus says of it comes first,
then its own caption, then what is recovered. Budget, strategy and metrics are a target's. Without
all that, target and controls would not be exchangeable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness import config, records
from seedwitness.errors import ConfigError, PictureError
from seedwitness.imaging.decoding import decoded, pixel_hash
from seedwitness.imaging.image_folder import Entry, entries
from seedwitness.imaging.perceptual_fingerprint import imprint
from seedwitness.runtime.files import replacing
from seedwitness.stages import frozen, place
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import copies, positions

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image
    from torch import Tensor

    from seedwitness.checkpoints.loading import Loaded
    from seedwitness.imaging.alignment import Positions
    from seedwitness.metrics.scoring import Metric
    from seedwitness.search.case_search import Outcome


def run(checkpoint: str) -> None:
    """Write ``controls.parquet``: one row a control, trial and metric; and ``prompts.parquet``.

    ``known.parquet`` is the same of the pictures that the checkpoint is known to have learned, and
    ``reach.parquet`` (``records.CONTROLS_REACH``) the reachability ladder of some of the controls,
    ``detectors.parquet`` (``records.CONTROLS_DETECTED``) what published detectors say of some.
    """
    from seedwitness.detectors import steering
    from seedwitness.detectors.asking import check
    from seedwitness.search import case_search

    protocol = frozen("controls")
    settings = config.section(config.Controls, "controls", path=protocol)
    search = config.section(config.Search, "search", path=protocol)
    case_search.check(search)
    steering.check(search)
    asking = config.section(config.Detectors, "detectors", path=protocol)
    score = config.section(config.Score, "score", path=protocol)
    check(asking.names, "descriptor" in score.run)
    order = most_alike(settings, score.weights) if settings.like else by_hash
    chosen = choose(settings.path, settings.count, "controls.count", order)
    learned: dict[Path, Entry] = {}
    if settings.known and checkpoint in settings.known.folders:
        folder = settings.known.folders[checkpoint]
        learned = choose(folder, settings.known.count, "controls.known.count")
    pictures = {path: decoded(path) for path in (*chosen, *learned)}
    prompts, seen = asked(chosen | learned, pictures, search.candidates)
    put = _put(checkpoint, protocol)
    rest, tried = search, {}
    for path, table in prompts.items():
        tried[path], _, rest = steering.steered(put.loaded, table, search)
    searched = case_search.run(
        put.loaded,
        {
            path.as_posix(): case_search.Case(pictures[path], tuple(table["text"]))
            for path, table in tried.items()
        },
        rest,
        copies=copies(put.loaded, search, protocol),
    )
    rows: dict[Path, list[dict[str, Any]]] = {}
    for path, each in (chosen | learned).items():
        about = {
            "control": each.file_name,
            "pixels_sha256": pixel_hash(pictures[path]),
            **imprint(pictures[path])._asdict(),
            "caption": each.text,
            "corpus_match": seen[path],
        }
        found = put.scored(searched.outcomes[path.as_posix()], pictures[path])
        rows[path] = [about | row for row in found]
    beside = _Beside(put, chosen, pictures, prompts, search, protocol)
    reached, detected = beside.climbed(), beside.detected()
    with replacing(place("controls", checkpoint)) as part:
        part.mkdir()
        records.write_table(part / "reach.parquet", reached, records.CONTROLS_REACH)
        records.write_table(part / "detectors.parquet", detected, records.CONTROLS_DETECTED)
        for name, paths in (("controls", chosen), ("known", learned)):
            together = [row for path in paths for row in rows[path]]
            records.write_table(part / f"{name}.parquet", together, records.CONTROLS)
        records.write_table(
            part / "prompts.parquet",
            [
                {"control": each.file_name, **{str(key): value for key, value in row.items()}}
                for path, each in chosen.items()
                for row in tried[path].to_dict("records")
            ],
            {"control": records.TEXT, **records.PROMPTS},
        )


@dataclass(frozen=True)
class _Put:
    """The checkpoint that pictures are put to, and the metrics that look at what comes of it."""

    loaded: Loaded
    metrics: Mapping[str, Metric]
    batch: int
    laid: Positions

    def scored(self, outcome: Outcome, picture: Image.Image) -> list[dict[str, Any]]:
        """A row of ``records.SCORES`` for every trial and metric."""
        from seedwitness.search.trial_scores import parts, scored

        latents = parts(outcome.recipes, outcome.made, self.batch)
        return scored(self.loaded.pipeline, latents, picture, self.metrics, self.laid)


def _put(checkpoint: str, protocol: Path) -> _Put:
    from seedwitness.metrics import scoring

    score = config.section(config.Score, "score", path=protocol)
    metrics = scoring.load(score.run, score.weights, score.batch)
    laid = positions(protocol)
    return _Put(loaded_as(checkpoint), metrics, score.batch, laid)


@dataclass(frozen=True)
class _Beside:
    """What stands beside a finding, of the first controls, each under its own first prompt."""

    put: _Put
    chosen: Mapping[Path, Entry]
    pictures: Mapping[Path, Image.Image]
    prompts: Mapping[Path, pd.DataFrame]
    search: config.Search
    protocol: Path

    def climbed(self) -> list[dict[str, Any]]:
        """The reachability ladder."""
        import torch

        from seedwitness.reachability import ladder

        settings = config.section(config.Reach, "reach", path=self.protocol)
        climbing = list(self.chosen)[: settings.controls] if settings.strengths else []
        if not climbing:
            return []
        shown = torch.stack([self._shown(path) for path in climbing])
        texts = [self._first(path) for path in climbing]
        rungs = ladder.ladder(self.put.loaded, shown, texts, settings, self.search)
        return [
            self._about(path) | row
            for number, path in enumerate(climbing)
            for row in ladder.scored(self.put.metrics, rungs, number, shown[number])
        ]

    def detected(self) -> list[dict[str, Any]]:
        """What detectors say."""
        from seedwitness.detectors.asking import asked as detect

        settings = config.section(config.Detectors, "detectors", path=self.protocol)
        metrics, loaded = self.put.metrics, self.put.loaded
        alike = metrics["descriptor"].against if "descriptor" in metrics else None
        return [
            self._about(path) | row
            for path in (list(self.chosen)[: settings.controls] if settings.names else [])
            for row in detect(
                loaded, self._first(path), self._shown(path), settings, self.search, alike
            )
        ]

    def _shown(self, path: Path) -> Any:
        from seedwitness.reachability import ladder

        return ladder.pixels(self.put.loaded, self.pictures[path], self.search)

    def _first(self, path: Path) -> str:
        return str(self.prompts[path]["text"].iloc[0])

    def _about(self, path: Path) -> dict[str, Any]:
        pixels = pixel_hash(self.pictures[path])
        return {"control": self.chosen[path].file_name, "pixels_sha256": pixels}


def by_hash(path: Path) -> tuple[bytes]:
    """An order of pictures that nobody chose: by the hash of their names."""
    return (sha256(path.as_posix().encode()).digest(),)


def most_alike(
    settings: config.Controls, weights: Mapping[str, Path]
) -> Callable[[Path], tuple[float, bytes]]:
    """An order of the pictures in ``settings.path``: those most alike to one of ``like`` first.

    By the cosine of descriptors; of equals by the hash of their names. Raises ConfigError where
    ``weights`` name no descriptor.
    """
    from seedwitness.imaging.alignment import pixels
    from seedwitness.metrics import descriptor

    if "descriptor" not in weights:
        raise ConfigError(
            "controls.like has controls chosen by their descriptors, and score.weights names no "
            "`descriptor`. Name its file there, or leave controls.like empty."
        )
    eyes = descriptor.load(weights["descriptor"])

    def embedded(path: Path) -> Tensor:
        picture = decoded(path)
        return eyes.embed(pixels(picture, *picture.size, "stretch")[None])[0]

    liked = [embedded(path) for path in settings.like]

    def order(name: Path) -> tuple[float, bytes]:
        own = embedded(settings.path / name)
        return (-max(float(own @ each) for each in liked), *by_hash(name))

    return order


def choose(
    folder: Path, count: int, key: str, order: Callable[[Path], Any] = by_hash
) -> dict[Path, Entry]:
    """The first ``count`` pictures of a folder in an order: of their paths, seen from the folder.

    Raises PictureError where the folder has fewer; ``key`` is the setting that asks for them.
    """
    there = entries(folder)
    if len(there) < count:
        raise PictureError(
            f"{folder} has {len(there)} pictures, and {count} are asked for. Bring more, or lower "
            f"{key}. (With few controls p cannot be small: it is at least 1 / (1 + controls).)"
        )
    ordered = sorted(there, key=lambda each: order(Path(each.file_name)))
    return {folder / each.file_name: each for each in ordered[:count]}


def asked(
    chosen: Mapping[Path, Entry], pictures: Mapping[Path, Image.Image], limit: int
) -> tuple[dict[Path, pd.DataFrame], dict[Path, str]]:
    """For each control its candidates, as a target gets them whose caption is stated.

    And where the corpus holds the control itself; mostly empty.
    """
    from seedwitness.prompts.asking import asker

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
    for path, each in chosen.items():
        found[path], seen[path] = ask.as_control(
            pictures[path], each.text, index, corpus.path, lookup, limit
        )
    return found, seen
