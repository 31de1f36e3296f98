"""Recovers prompts of pictures whose training caption is known, and searches with them.

No caption is given, and none of the examined pictures is in the corpus: every wording of every one
of them is left out of the phrases, so that a prompt has to be put together from parts.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.shared.case_inputs import alignment_spec, benchmark_params
from benchmarks.shared.changed_settings import change_settings
from benchmarks.shared.groups import HELD_OUT, MEMORISED
from benchmarks.shared.labs import images_by_group, training_images
from seedlab.drawing.media import MEDIA
from seedlab.drawing.palettes import PALETTES
from seedlab.drawing.scene import MOODS
from seedlab.drawing.styles import ARTISTS
from seedlab.drawing.subjects import SUBJECTS
from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab
from seedlab.pictures import make_pictures
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.params import Params
from seedwitness.config.prompt_settings import PezSettings, RefinementSettings
from seedwitness.config.steps import SearchSettings
from seedwitness.engine.sampling import encode_pictures
from seedwitness.imaging.alignment import resize_to_tensor
from seedwitness.metrics import clip_score, scoring
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.encoder import make_text_encoder
from seedwitness.prompts.pez import optimise_prompts
from seedwitness.prompts.phrasebook import make_caption_phrasebook
from seedwitness.prompts.recoverer import PromptRecoverer
from seedwitness.prompts.refinement import refine_prompts
from seedwitness.prompts.regeneration import score_by_regeneration
from seedwitness.records.tables import PROMPTS, make_typed_frame
from seedwitness.search.case_search import SearchCase, search_cases
from seedwitness.search.trial_scores import batch_samples, score_latents

GROUPS = ("planted 128 times", "planted 32 times", HELD_OUT)
ARMS = ("training caption", "recovered by CLIP", "recovered on the checkpoint")
METHODS = ("recovered by CLIP", "pez", "ph2p", "evolve by regeneration", "evolve")
SEARCH_NFE, RECOVERY_NFE = 160, 480
EVALUATION_SEEDS = 8
METHOD_PICTURES = 12
"""The pictures planted 128 times on which the methods are compared."""

ATTRIBUTES: dict[str, Sequence[str]] = {
    "subject": tuple(SUBJECTS),
    "artist": tuple(ARTISTS),
    "palette": tuple(PALETTES),
    "mood": MOODS,
    "medium": tuple(MEDIA),
}


@dataclass(frozen=True)
class Bench:
    """What every case has in common."""

    params: Params
    loaded: LoadedCheckpoint
    recoverer: PromptRecoverer
    metrics: Mapping[str, scoring.Metric]

    def refined_search(self, **changes: Any) -> SearchSettings:
        """The search with refinement, whose NFE come on top of those of the search."""
        refinement = RefinementSettings(budget_nfe=RECOVERY_NFE, **changes)
        return change_settings(
            self.params.search, budget_nfe=SEARCH_NFE + RECOVERY_NFE, refinement=refinement
        )


def open_bench(lab: Lab, examined: Sequence[PictureRecord]) -> Bench:
    """Load the lab's models, and make phrases of captions that no examined picture has."""
    params = benchmark_params(lab.path)
    params = change_settings(
        params, search=change_settings(params.search, budget_nfe=SEARCH_NFE, refinement=None)
    )
    clip = clip_score.load_clip(params.clip.path)
    encoder = make_text_encoder(clip)
    own = {wording for row in examined for wording in row.wordings}
    captions = sorted({row.caption for row in training_images(lab)} - own)
    recover = change_settings(params.recover, methods=["phrases"])
    path = lab.path / "checkpoints" / MEMORISED
    return Bench(
        params,
        load_checkpoint(
            MEMORISED, CheckpointSettings(family="diffusers", path=path, watch=lab.path)
        ),
        PromptRecoverer(clip, encoder, recover, make_caption_phrasebook(captions, encoder)),
        scoring.load_metrics(["descriptor", "patch-l2"], params.score.weights, params.score.batch),
    )


def select_pictures(lab: Lab, planted: int, held_out: int) -> dict[str, list[PictureRecord]]:
    """The pictures to examine, by group, in the order of a hash."""
    groups = images_by_group(lab)
    counts = {GROUPS[0]: planted, GROUPS[1]: planted, HELD_OUT: held_out}
    return {group: groups[group][:count] for group, count in counts.items()}


def measure_search(bench: Bench, picture: Image.Image, prompts: Sequence[str]) -> dict[str, Any]:
    """The closest descriptor, the copies by the criteria and the NFE of one search."""
    with tempfile.TemporaryDirectory() as ledger:
        case = SearchCase(picture, tuple(prompts))
        results = search_cases(bench.loaded, {"": case}, bench.params.search, Path(ledger))
    outcome = results.outcomes[""]
    rows = score_latents(
        bench.loaded.pipeline,
        batch_samples(outcome.recipes, outcome.samples, bench.params.search.batch),
        {recipe.id: recipe.prompt for recipe in outcome.recipes},
        picture,
        bench.metrics,
        alignment_spec(bench.params),
    )
    scores = {name: [r["score"] for r in rows if r["metric"] == name] for name in bench.metrics}
    (criterion,) = bench.params.judge.copy_criteria
    copies = sum(score <= criterion.threshold for score in scores[criterion.metric])
    return {"closest": max(scores["descriptor"]), "copies": copies, "nfe": outcome.nfe}


def measure_picture(bench: Bench, row: PictureRecord, picture: Image.Image) -> dict[str, Any]:
    """One picture under the prompts of each arm, and which attributes came back."""
    limit = bench.params.search.prompts
    found, _ = bench.recoverer.recover(picture, (), None)
    began = perf_counter()
    refined, record, _ = refine_prompts(
        bench.loaded,
        picture,
        found,
        bench.recoverer.list_phrases(picture),
        bench.refined_search(),
    )
    seconds = perf_counter() - began
    prompts = {
        ARMS[0]: [row.caption],
        ARMS[1]: found["text"].tolist()[:limit],
        ARMS[2]: refined["text"].tolist(),
    }
    arms = {}
    for arm, texts in prompts.items():
        arms[arm] = measure_search(bench, picture, texts) | {"prompts": texts}
    arms[ARMS[2]]["nfe"] += record.nfe if record else 0
    arms[ARMS[2]]["seconds"] = round(seconds, 2)
    return {
        "id": row.id,
        "caption": row.caption,
        "arms": arms,
        "attributes": {
            arm: {name: is_named(name, row.caption, texts[0]) for name in ATTRIBUTES}
            for arm, texts in prompts.items()
            if arm != ARMS[0]
        },
    }


def is_named(attribute: str, caption: str, text: str) -> bool:
    """Whether ``text`` names the value of an attribute that ``caption`` names."""
    values = [
        value
        for value in ATTRIBUTES[attribute]
        if re.search(rf"\b{re.escape(value.lower())}\b", caption.lower())
    ]
    if not values:
        return False
    value = re.escape(max(values, key=len).lower())
    return re.search(rf"\b{value}\b", text.lower()) is not None


def compare_methods(
    bench: Bench, rows: Sequence[PictureRecord], pictures: Mapping[str, Image.Image]
) -> dict[str, list[float]]:
    """By method, the mean latent distance of each picture's regenerations under its best prompt.

    ``ph2p`` and both ``evolve`` have RECOVERY_NFE, finalists included; ``pez`` needs no denoiser
    and has its paper's steps. All are judged by other seeds and by the steps of a search.
    """
    distances: dict[str, list[float]] = {name: [] for name in ("training caption", *METHODS)}
    settings = change_settings(bench.params.recover.pez, tokens=16)
    vectors = np.stack([bench.recoverer.embed_image(pictures[row.id]) for row in rows])
    hard = _optimise_by_clip(bench, vectors, settings)
    for number, row in enumerate(rows):
        picture = pictures[row.id]
        found, _ = bench.recoverer.recover(picture, (), None)
        phrases = bench.recoverer.list_phrases(picture)

        refine = partial(refine_best, bench, picture, phrases)
        texts = {
            "training caption": row.caption,
            "recovered by CLIP": str(found["text"].iloc[0]),
            "pez": hard[number],
            "ph2p": refine(None, methods=["ph2p"]),
            "evolve by regeneration": refine(found, methods=["evolve"], score="regeneration"),
            "evolve": refine(found, methods=["evolve"]),
        }
        search = bench.params.search
        pixels = resize_to_tensor(picture, *picture.size, "stretch")
        latent = encode_pictures(bench.loaded.pipeline.vae, pixels[None])[0]
        values = score_by_regeneration(
            bench.loaded,
            latent,
            list(texts.values()),
            search,
            seeds=EVALUATION_SEEDS,
            steps=search.steps,
        )
        for name, value in zip(texts, values, strict=True):
            distances[name].append(round(value, 4))
    return distances


def refine_best(
    bench: Bench,
    picture: Image.Image,
    phrases: Sequence[str],
    start: pd.DataFrame | None,
    **changes: Any,
) -> str:
    """The best prompt of a refinement; without ``start`` no candidate competes with its methods."""
    search = change_settings(bench.refined_search(**changes), prompts=1)
    table = make_typed_frame([], PROMPTS) if start is None else start
    refined, _, _ = refine_prompts(bench.loaded, picture, table, phrases, search)
    return str(refined["text"].iloc[0]) if len(refined) else ""


def _optimise_by_clip(bench: Bench, vectors: Any, settings: PezSettings) -> list[str]:
    import torch

    return optimise_prompts(bench.recoverer.clip, torch.from_numpy(vectors), settings, Budget())


def measure_lab(
    lab: Lab, planted: int, held_out: int, report: Callable[[str], None]
) -> dict[str, Any]:
    """Everything about a lab: cases by group, and the comparison of methods."""
    groups = select_pictures(lab, planted, held_out)
    examined = [row for rows in groups.values() for row in rows]
    made = make_pictures(lab.settings, 1, ids={row.id for row in examined}).pictures
    pictures = {row.id: picture for row, picture in made}
    bench = open_bench(lab, examined)
    began = perf_counter()
    methods = compare_methods(bench, groups[GROUPS[0]][:METHOD_PICTURES], pictures)
    report(f"methods: {perf_counter() - began:.0f} s")
    cases: dict[str, list[dict[str, Any]]] = {}
    for group, rows in groups.items():
        cases[group] = [measure_picture(bench, row, pictures[row.id]) for row in rows]
        report(f"{group}: {perf_counter() - began:.0f} s")
    search = bench.params.search
    refinement = bench.refined_search().refinement
    return {
        "lab": lab.name,
        "checkpoint": bench.loaded.checkpoint.sha256,
        "phrases": len(bench.recoverer.phrasebook.texts) if bench.recoverer.phrasebook else 0,
        "search": search.model_dump(mode="json"),
        "refinement": refinement.model_dump(mode="json") if refinement else {},
        "criteria": [each.model_dump(mode="json") for each in bench.params.judge.copy_criteria],
        "alpha": bench.params.judge.alpha,
        "seconds": round(perf_counter() - began),
        "processor_seconds": round(process_time()),
        "methods": methods,
        "cases": cases,
    }
