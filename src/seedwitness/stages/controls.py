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

from seedwitness.config.inputs import ClipSettings, CorpusSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import LookupSettings, ReachSettings, RecoverSettings, SearchSettings
from seedwitness.config.verdicts import ControlSettings, DetectorSettings, ScoreSettings
from seedwitness.errors import ConfigError, PictureError
from seedwitness.imaging.decoding import decode_image, pixel_hash
from seedwitness.imaging.image_folder import ImageEntry, read_entries
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    PROMPTS,
    TEXT,
    write_table,
)
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import frozen, output_path
from seedwitness.stages._checkpoint import loaded_as
from seedwitness.stages._inputs import copies, positions

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image
    from torch import Tensor

    from seedwitness.checkpoints.loading import LoadedCheckpoint
    from seedwitness.imaging.alignment import AlignmentSpec
    from seedwitness.metrics.scoring import Metric
    from seedwitness.search.case_search import SearchOutcome


def run(checkpoint: str) -> None:
    """Write ``controls.parquet``: one row a control, trial and metric; and ``prompts.parquet``.

    ``known.parquet`` is the same of the pictures that the checkpoint is known to have learned, and
    ``reach.parquet`` (``records.CONTROLS_REACH``) the reachability ladder of some of the controls,
    ``detectors.parquet`` (``records.CONTROLS_DETECTED``) what published detectors say of some.
    """
    from seedwitness.detectors import steering
    from seedwitness.detectors.asking import check_detectors
    from seedwitness.search import case_search

    protocol = frozen("controls")
    settings = load_section(ControlSettings, "controls", path=protocol)
    search = load_section(SearchSettings, "search", path=protocol)
    case_search.check_search_settings(search)
    steering.check_preselection(search)
    asking = load_section(DetectorSettings, "detectors", path=protocol)
    score = load_section(ScoreSettings, "score", path=protocol)
    check_detectors(asking.names, "descriptor" in score.runnable)
    order = most_alike(settings, score.weights) if settings.similar_to else by_hash
    chosen = choose(settings.path, settings.count, "controls.count", order)
    learned: dict[Path, ImageEntry] = {}
    if settings.learned and checkpoint in settings.learned.folders:
        folder = settings.learned.folders[checkpoint]
        learned = choose(folder, settings.learned.count, "controls.learned.count")
    pictures = {path: decode_image(path) for path in (*chosen, *learned)}
    prompts, seen = asked(chosen | learned, pictures, search.num_candidates)
    put = _put(checkpoint, protocol)
    rest, tried = search, {}
    for path, table in prompts.items():
        tried[path], _, rest = steering.preselect_prompts(put.loaded, table, search)
    searched = case_search.search_cases(
        put.loaded,
        {
            path.as_posix(): case_search.SearchCase(pictures[path], tuple(table["text"]))
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
            **fingerprint_image(pictures[path])._asdict(),
            "caption": each.text,
            "corpus_match": seen[path],
        }
        found = put.scored(searched.outcomes[path.as_posix()], pictures[path])
        rows[path] = [about | row for row in found]
    beside = _Beside(put, chosen, pictures, prompts, search, protocol)
    reached, detected = beside.climbed(), beside.detected()
    with replace_whole(output_path("controls", checkpoint)) as part:
        part.mkdir()
        write_table(part / "reach.parquet", reached, CONTROL_REACH)
        write_table(part / "detectors.parquet", detected, CONTROL_DETECTIONS)
        for name, paths in (("controls", chosen), ("known", learned)):
            together = [row for path in paths for row in rows[path]]
            write_table(part / f"{name}.parquet", together, CONTROL_SCORES)
        write_table(
            part / "prompts.parquet",
            [
                {"control": each.file_name, **{str(key): value for key, value in row.items()}}
                for path, each in chosen.items()
                for row in tried[path].to_dict("records")
            ],
            {"control": TEXT, **PROMPTS},
        )


@dataclass(frozen=True)
class _Put:
    """The checkpoint that pictures are put to, and the metrics that look at what comes of it."""

    loaded: LoadedCheckpoint
    metrics: Mapping[str, Metric]
    batch: int
    laid: AlignmentSpec

    def scored(self, outcome: SearchOutcome, picture: Image.Image) -> list[dict[str, Any]]:
        """A row of ``records.SCORES`` for every trial and metric."""
        from seedwitness.search.trial_scores import batch_samples, score_latents

        latents = batch_samples(outcome.recipes, outcome.samples, self.batch)
        return score_latents(self.loaded.pipeline, latents, picture, self.metrics, self.laid)


def _put(checkpoint: str, protocol: Path) -> _Put:
    from seedwitness.metrics import scoring

    score = load_section(ScoreSettings, "score", path=protocol)
    metrics = scoring.load(score.runnable, score.weights, score.batch)
    laid = positions(protocol)
    return _Put(loaded_as(checkpoint), metrics, score.batch, laid)


@dataclass(frozen=True)
class _Beside:
    """What stands beside a finding, of the first controls, each under its own first prompt."""

    put: _Put
    chosen: Mapping[Path, ImageEntry]
    pictures: Mapping[Path, Image.Image]
    prompts: Mapping[Path, pd.DataFrame]
    search: SearchSettings
    protocol: Path

    def climbed(self) -> list[dict[str, Any]]:
        """The reachability ladder."""
        import torch

        from seedwitness.reachability import ladder

        settings = load_section(ReachSettings, "reach", path=self.protocol)
        climbing = list(self.chosen)[: settings.controls] if settings.strengths else []
        if not climbing:
            return []
        shown = torch.stack([self._shown(path) for path in climbing])
        texts = [self._first(path) for path in climbing]
        rungs = ladder.climb_ladder(self.put.loaded, shown, texts, settings, self.search)
        return [
            self._about(path) | row
            for number, path in enumerate(climbing)
            for row in ladder.score_ladder(self.put.metrics, rungs, number, shown[number])
        ]

    def detected(self) -> list[dict[str, Any]]:
        """What detectors say."""
        from seedwitness.detectors.asking import run_detectors as detect

        settings = load_section(DetectorSettings, "detectors", path=self.protocol)
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

        return ladder.pixels_for_search(self.put.loaded, self.pictures[path], self.search)

    def _first(self, path: Path) -> str:
        return str(self.prompts[path]["text"].iloc[0])

    def _about(self, path: Path) -> dict[str, Any]:
        pixels = pixel_hash(self.pictures[path])
        return {"control": self.chosen[path].file_name, "pixels_sha256": pixels}


def by_hash(path: Path) -> tuple[bytes]:
    """An order of pictures that nobody chose: by the hash of their names."""
    return (sha256(path.as_posix().encode()).digest(),)


def most_alike(
    settings: ControlSettings, weights: Mapping[str, Path]
) -> Callable[[Path], tuple[float, bytes]]:
    """An order of the pictures in ``settings.path``: those most alike to one of ``like`` first.

    By the cosine of descriptors; of equals by the hash of their names. Raises ConfigError where
    ``weights`` name no descriptor.
    """
    from seedwitness.imaging.alignment import resized_pixels
    from seedwitness.metrics import descriptor

    if "descriptor" not in weights:
        raise ConfigError(
            "controls.similar_to has controls chosen by their descriptors, and score.weights names no "
            "`descriptor`. Name its file there, or leave controls.similar_to empty."
        )
    eyes = descriptor.load(weights["descriptor"])

    def embedded(path: Path) -> Tensor:
        picture = decode_image(path)
        return eyes.embed(resized_pixels(picture, *picture.size, "stretch")[None])[0]

    liked = [embedded(path) for path in settings.similar_to]

    def order(name: Path) -> tuple[float, bytes]:
        own = embedded(settings.path / name)
        return (-max(float(own @ each) for each in liked), *by_hash(name))

    return order


def choose(
    folder: Path, count: int, key: str, order: Callable[[Path], Any] = by_hash
) -> dict[Path, ImageEntry]:
    """The first ``count`` pictures of a folder in an order: of their paths, seen from the folder.

    Raises PictureError where the folder has fewer; ``key`` is the setting that asks for them.
    """
    there = read_entries(folder)
    if len(there) < count:
        raise PictureError(
            f"{folder} has {len(there)} pictures, and {count} are asked for. Bring more, or lower "
            f"{key}. (With few controls p cannot be small: it is at least 1 / (1 + controls).)"
        )
    ordered = sorted(there, key=lambda each: order(Path(each.file_name)))
    return {folder / each.file_name: each for each in ordered[:count]}


def asked(
    chosen: Mapping[Path, ImageEntry], pictures: Mapping[Path, Image.Image], limit: int
) -> tuple[dict[Path, pd.DataFrame], dict[Path, str]]:
    """For each control its candidates, as a target gets them whose caption is stated.

    And where the corpus holds the control itself; mostly empty.
    """
    from seedwitness.prompts.asking import load_recoverer

    protocol = frozen("controls")
    ask = load_recoverer(
        load_section(ClipSettings, "clip", path=protocol),
        load_section(RecoverSettings, "recover", path=protocol),
        output_path("index"),
    )
    lookup = load_section(LookupSettings, "lookup", path=protocol)
    corpus = load_section(CorpusSettings, "corpus", path=protocol)
    index = ask.open(output_path("index"))
    found, seen = {}, {}
    for path, each in chosen.items():
        found[path], seen[path] = ask.as_control(
            pictures[path], each.text, index, corpus.path, lookup, limit
        )
    return found, seen
