"""Runs controls, and images that a checkpoint is known to have learned, as a target is run.

Each gets the prompts that a target gets whose user states its caption: captions of its matches in
the corpus, then its own, then what is recovered. Budget, strategy and metrics are a target's.
Without that, target and controls would not be exchangeable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.stage_settings import ControlsStage
from seedwitness.config.steps import SearchSettings
from seedwitness.config.verdicts import DRAW_BLOCK
from seedwitness.controls.selection import list_controls, select_images
from seedwitness.detectors.preselection import preselect_prompts
from seedwitness.detectors.runner import check_detectors
from seedwitness.engine.latent_io import to_picture
from seedwitness.engine.sampling import decode_latents
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.imaging.image_folder import ImageEntry
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.metrics.scoring import Metric, load_metrics, select_closest_rows
from seedwitness.prompts.classes import PictureTexts
from seedwitness.prompts.recoverer import load_recoverer
from seedwitness.prompts.refinement import refine_prompts
from seedwitness.reachability.examination import measure_detectors, measure_ladders
from seedwitness.records.recipe import count_nfe
from seedwitness.records.tables import CONTROL_SCORES, make_typed_frame
from seedwitness.search.case_search import SearchCase, SearchOutcome, search_cases
from seedwitness.search.early_stopping import CopyTest
from seedwitness.search.results import index_prompt_ranks, list_trials
from seedwitness.search.trial_scores import batch_samples, score_latents

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class ControlImages:
    """The images that go through the steps, by path, and what is known of each before a search."""

    controls: dict[Path, ImageEntry]
    learned: dict[Path, ImageEntry]
    images: dict[Path, Image.Image]
    prompts: dict[Path, pd.DataFrame]
    """As PROMPTS."""
    corpus_matches: dict[Path, str]
    """Where the corpus holds the image itself; empty where it does not."""
    phrases: dict[Path, list[str]]
    """Parts of prompts that are closest to each image, best first."""
    recovered: dict[Path, list[str]]
    """What was recovered from the pixels of each image, best first."""

    @property
    def entries(self) -> dict[Path, ImageEntry]:
        """Controls and learned images."""
        return self.controls | self.learned


@dataclass(frozen=True)
class ControlResults:
    """Rows of the tables that the stage ``controls`` writes, and the cache keys that were used."""

    scores: Rows
    """``records.CONTROL_SCORES`` of the controls, and ``learned`` of the learned images."""
    learned: Rows
    ladders: Rows
    """``records.CONTROL_REACH``."""
    detections: Rows
    """``records.CONTROL_DETECTIONS``."""
    prompts: Rows
    """The prompts that were tried, as PROMPTS with the control's name."""
    trials: Rows
    """``records.CONTROL_TRIALS``, of controls and learned images."""
    pictures: dict[str, Image.Image]
    """By each metric the two closest controls, each with its closest trial, named by the start of
    the hash of its pixels, and by the trial."""
    keys: frozenset[str]


def prepare_controls(checkpoint: str, settings: ControlsStage, index: Path) -> ControlImages:
    """Select and decode the images, and recover their prompts by the index of the corpus.

    Raises PictureError where a folder has too few images, ConfigError for an unknown detector.
    """
    wanted, score = settings.controls, settings.score
    check_detectors(settings.detectors.names, "descriptor" in score.runnable_metrics)
    controls = list_controls(wanted, score.weights, settings.prepare, settings.copy_criteria)
    learned: dict[Path, ImageEntry] = {}
    if wanted.learned and checkpoint in wanted.learned.folders:
        folder = wanted.learned.folders[checkpoint]
        learned = select_images(
            folder,
            wanted.learned.count,
            "controls.learned.count",
            f"controls.learned.folders.{checkpoint}",
        )
    images = {path: decode_image(path) for path in (*controls, *learned)}
    prompts, matches, phrases, recovered = recover_prompts(
        controls | learned, images, settings, index
    )
    return ControlImages(controls, learned, images, prompts, matches, phrases, recovered)


def recover_prompts(
    entries: Mapping[Path, ImageEntry],
    images: Mapping[Path, Image.Image],
    settings: ControlsStage,
    index: Path,
) -> tuple[dict[Path, pd.DataFrame], dict[Path, str], dict[Path, list[str]], dict[Path, list[str]]]:
    """By path: prompts (PROMPTS), where the corpus holds it, its phrases, what was recovered."""
    recoverer = load_recoverer(settings.clip, settings.recover, index)
    corpus = recoverer.open_index(index)
    prompts, matches, phrases, texts = {}, {}, {}, {}
    targets = [(images[path], (), entry.text) for path, entry in entries.items()]
    recovered = recoverer.recover_many(targets)
    for (path, entry), (table, _) in zip(entries.items(), recovered, strict=True):
        prompts[path], matches[path] = recoverer.recover_control(
            images[path],
            entry.text,
            corpus,
            settings.corpus,
            settings.lookup,
            settings.search.num_candidates,
            table,
        )
        phrases[path] = recoverer.list_phrases(images[path]) if settings.search.refinement else []
        texts[path] = _list_recovered(table)
    return prompts, matches, phrases, texts


def run_controls(
    loaded: LoadedCheckpoint,
    prepared: ControlImages,
    settings: ControlsStage,
    copy_test: CopyTest | None,
    is_decided: Callable[[pd.DataFrame], bool] | None = None,
) -> ControlResults:
    """Search every image with a target's budget, score its trials, and measure what stands beside.

    All images share batches, so they cost what their recipes cost. With ``is_decided`` controls are
    drawn in blocks, until it is true of those so far, as ``records.CONTROL_SCORES``. Blocks share
    no batch, so a control's result does not depend on where the draw stops.
    """
    score = settings.score
    metrics = load_metrics(score.runnable_metrics, score.weights, score.batch)
    prompts, search = {}, settings.search
    outcomes: dict[str, SearchOutcome] = {}
    keys: frozenset[str] = frozenset()
    alignment = AlignmentSpec(settings.search.resize, score.mirrored, score.shift)

    def scores_of(paths: Mapping[Path, ImageEntry]) -> Rows:
        rows = []
        for path, entry in paths.items():
            outcome = outcomes[path.as_posix()]
            image = prepared.images[path]
            facts = {
                **_identify(entry, image),
                **fingerprint_image(image)._asdict(),
                "caption": entry.text,
                "corpus_match": prepared.corpus_matches[path],
            }
            scores = _score(loaded, outcome, image, metrics, alignment, score.batch)
            rows += [facts | row for row in scores]
        return rows

    scores: Rows = []
    drawn: dict[Path, ImageEntry] = {}
    for block in _list_blocks(
        prepared.controls, DRAW_BLOCK if is_decided else len(prepared.controls)
    ):
        images = block if drawn else block | prepared.learned
        cases = {}
        for path in images:
            image = prepared.images[path]
            selected, _, search = preselect_prompts(loaded, prepared.prompts[path], settings.search)
            prompts[path], _, search = refine_prompts(
                loaded, image, selected, prepared.phrases[path], search
            )
            cases[path.as_posix()] = SearchCase(image, tuple(prompts[path]["text"]))
        results = search_cases(
            loaded, cases, _limit_budget(loaded, search, settings), copy_test=copy_test
        )
        outcomes |= results.outcomes
        keys |= results.keys
        scores += scores_of(block)
        drawn |= block
        if is_decided and is_decided(make_typed_frame(scores, CONTROL_SCORES)):
            break
    prepared = replace(prepared, controls=drawn)
    ladders, detections = _measure_beside(loaded, prepared, prompts, metrics, settings)
    return ControlResults(
        scores=scores,
        learned=scores_of(prepared.learned),
        ladders=ladders,
        detections=detections,
        prompts=[
            {"control": entry.file_name, **{str(key): value for key, value in row.items()}}
            for path, entry in prepared.controls.items()
            for row in prompts[path].to_dict("records")
        ],
        trials=[
            {**_identify(entry, prepared.images[path]), "use": use, **row}
            for use, paths in (("control", prepared.controls), ("learned", prepared.learned))
            for path, entry in paths.items()
            for row in list_trials(
                outcomes[path.as_posix()],
                index_prompt_ranks(prompts[path]),
                search.strategy.name,
            )
        ],
        pictures=picture_closest(loaded, prepared, scores, outcomes),
        keys=keys,
    )


def _list_blocks(controls: Mapping[Path, ImageEntry], size: int) -> list[dict[Path, ImageEntry]]:
    """The controls in blocks of ``size``, in their order."""
    entries = list(controls.items())
    return [dict(entries[at : at + size]) for at in range(0, len(entries), size)]


def _limit_budget(
    loaded: LoadedCheckpoint, search: SearchSettings, settings: ControlsStage
) -> SearchSettings:
    """The budget of a control: on the reference no more than ``controls.reference_trials``."""
    limit = settings.controls.reference_trials
    if limit is None or loaded.checkpoint.name != settings.reference:
        return search
    nfe = min(search.budget_nfe, limit * count_nfe(search.steps, search.guidance, search.sampler))
    return search.model_copy(update={"budget_nfe": nfe})


def picture_closest(
    loaded: LoadedCheckpoint,
    prepared: ControlImages,
    scores: Rows,
    outcomes: Mapping[str, SearchOutcome],
) -> dict[str, Image.Image]:
    """The pictures of ``ControlResults``; each latent is decoded alone."""
    paths = {hash_pixels(prepared.images[path]): path for path in prepared.controls}
    pictures = {}
    for row in select_closest_rows(scores):
        path = paths[row["pixels_sha256"]]
        sample = outcomes[path.as_posix()].samples[row["trial"]]
        latent = sample.latent[None].to(loaded.pipeline.device)  # [1, c, h, w]
        pictures[row["pixels_sha256"][:16]] = prepared.images[path]
        pictures[row["trial"]] = to_picture(decode_latents(loaded.pipeline, latent)[0])
    return pictures


def _score(
    loaded: LoadedCheckpoint,
    outcome: SearchOutcome,
    image: Image.Image,
    metrics: Mapping[str, Metric],
    alignment: AlignmentSpec,
    batch: int,
) -> Rows:
    latents = batch_samples(outcome.recipes, outcome.samples, batch)
    prompts = {recipe.id: recipe.prompt for recipe in outcome.recipes}
    return score_latents(loaded.pipeline, latents, prompts, image, metrics, alignment)


def _measure_beside(
    loaded: LoadedCheckpoint,
    prepared: ControlImages,
    searched: Mapping[Path, pd.DataFrame],
    metrics: Mapping[str, Metric],
    settings: ControlsStage,
) -> tuple[Rows, Rows]:
    """Ladders and detectors of the first controls, each under its own first prompt.

    ``searched`` are the prompts of the search, PROMPTS, of which the first recovered one stands for
    its class.
    """

    def first(count: int) -> tuple[list[Path], list[Image.Image], list[str]]:
        paths = list(prepared.controls)[:count]
        images = [prepared.images[path] for path in paths]
        return paths, images, [str(prepared.prompts[path]["text"].iloc[0]) for path in paths]

    def label(paths: list[Path], rows: list[Rows]) -> Rows:
        pairs = zip(paths, rows, strict=False)  # no rows where nothing is to be measured
        return [
            _identify(prepared.controls[path], prepared.images[path]) | row
            for path, own in pairs
            for row in own
        ]

    paths, images, prompts = first(settings.reach.controls)
    texts = [
        PictureTexts(
            prepared.controls[path].text or None,
            next(iter([*_list_recovered(searched[path]), *prepared.recovered[path]]), None),
        )
        for path in paths
    ]
    _, ladders = measure_ladders(
        loaded, metrics, images, prompts, settings.reach, settings.search, texts
    )
    labelled = label(paths, ladders)
    paths, images, prompts = first(settings.detectors.controls)
    detections = measure_detectors(
        loaded, metrics, images, prompts, settings.detectors, settings.search
    )
    return labelled, label(paths, detections)


def _list_recovered(table: pd.DataFrame) -> list[str]:
    """The texts of PROMPTS that were recovered from pixels."""
    return [str(text) for text in table.loc[table["source"] == "recovered", "text"]]


def _identify(entry: ImageEntry, image: Image.Image) -> dict[str, Any]:
    return {"control": entry.file_name, "pixels_sha256": hash_pixels(image)}
