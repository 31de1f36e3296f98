"""Inputs of the cases that benchmarks judge: settings, corpus index, prompts, and controls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from benchmarks.shared.budgets import STEPS_BY_BUDGET
from benchmarks.shared.changed_settings import change_settings
from benchmarks.shared.prompt_sources import AS_FOUND, PIXELS_ALONE, STATED
from benchmarks.shared.result_cache import ResultCache
from seedwitness.config.inputs import CorpusSettings
from seedwitness.config.params import Params, load_params
from seedwitness.corpus import CORPUS_ROWS, Embedder
from seedwitness.corpus.image_hashes import hash_corpus_image, load_describer
from seedwitness.corpus.index import CorpusIndex
from seedwitness.corpus.index_builder import build_index
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.imaging.image_folder import ImageEntry, read_entries
from seedwitness.metrics import clip_score
from seedwitness.prompts.prompt_selection import select_prompts
from seedwitness.prompts.recoverer import PromptRecoverer
from seedwitness.records.tables import MATCHES, PROMPTS, make_typed_frame
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.hashes import digest, sha256_file
from seedwitness.search import case_search
from seedwitness.targets.target_reader import read_target

CANDIDATES = "candidates"
"""The computation of all prompts to try for an image, as the result cache names it."""

RECOVERY_CODE = {CANDIDATES: [PromptRecoverer.__module__]}


def benchmark_params(lab: Path, budget: int | None = None) -> Params:
    """The project's settings, with the lab's weights.

    ``budget`` is one of ``STEPS_BY_BUDGET``; without it the search is the project's own as well.
    """
    params = load_params()
    if budget:
        search = change_settings(params.search, budget_nfe=budget, steps=STEPS_BY_BUDGET[budget])
        params = change_settings(params, search=search)
    if params.search.preselection or params.search.stop.is_enabled:
        raise SystemExit(
            "This benchmark does not measure search.preselection and search.stop: "
            "leave them out of the settings."
        )
    weights = {
        name: lab / path.relative_to("data/lab") for name, path in params.score.weights.items()
    }
    score = change_settings(params.score, weights=weights)
    clip = change_settings(params.clip, path=lab / "clip", watch=lab / "clip")
    return change_settings(params, score=score, clip=clip)


def alignment_spec(params: Params) -> AlignmentSpec:
    """How a target is brought to the size and position of a generated image."""
    return AlignmentSpec(params.search.resize, params.score.mirrored, params.score.shift)


@dataclass(frozen=True)
class CaseInput:
    """An image, what its file says of itself, and the prompts to try, as ``PROMPTS``."""

    image: Image.Image
    target: TargetRecord
    prompts: pd.DataFrame


@dataclass(frozen=True)
class ControlInput:
    """A control's entry and record, its search case, and the corpus image that shows it, if any.

    ``prompts`` is as PROMPTS.
    """

    entry: ImageEntry
    case: case_search.SearchCase
    prompts: pd.DataFrame
    target: TargetRecord
    corpus_match: str


def corpus_index(folder: Path, params: Params, scratch: Path) -> Path:
    """The index of the corpus in ``folder``, built below ``scratch`` where it does not exist yet.

    Its name is a hash of the corpus's files, of the model and of what a row holds, so that no index
    of another corpus or model is used for it.
    """
    corpus = _settle_corpus(folder, params)
    parts = [*CORPUS_ROWS, *(sha256_file(path) for path in sorted(folder.iterdir()))]
    parts += [sha256_file(path) for path in sorted(params.clip.path.glob("*.safetensors"))]
    parts += [sha256_file(corpus.descriptor)] if corpus.descriptor else []
    index = scratch / f"index-{digest(parts)[:16]}"
    if not index.exists():
        clip = clip_score.load_clip(params.clip.path)
        embed_images = partial(clip.embed_images, batch_size=params.clip.batch)
        embedder = Embedder(embed_images, clip.embed_texts, clip.info)
        describer = load_describer(corpus.descriptor)
        batch_size = params.clip.batch
        build_index(
            corpus, embedder, hash_corpus_image, index, batch_size=batch_size, describer=describer
        )
    return index


def _settle_corpus(folder: Path, params: Params) -> CorpusSettings:
    """The project's settings of the corpus, for the corpus in ``folder``."""
    changed = {"path": folder, "source": "validation", "kind": "image-folder"}
    return params.corpus.model_copy(update=changed)


def read_case_inputs(
    folder: Path, recoverer: PromptRecoverer, index: CorpusIndex, params: Params, cache: ResultCache
) -> dict[str, CaseInput]:
    """Every image of ``folder/questions`` with the prompts of every source, by ``SOURCE/NAME``."""
    cases = {}
    for entry in read_entries(folder / "questions", "targets"):
        path = folder / "questions" / entry.file_name
        image, target = read_target(path, Path(entry.file_name).stem)
        recover = partial(
            recover_prompts,
            image,
            entry.text,
            _settle_corpus(folder / "corpus", params),
            recoverer,
            index,
            params,
        )
        for row in cache.rows(CANDIDATES, target.pixels_sha256, entry.text, recover):
            prompts = make_typed_frame(row["prompts"], PROMPTS)
            cases[f"{row['way']}/{target.name}"] = CaseInput(image, target, prompts)
    return cases


def recover_prompts(
    image: Image.Image,
    caption: str,
    corpus: CorpusSettings,
    recoverer: PromptRecoverer,
    index: CorpusIndex,
    params: Params,
) -> list[dict[str, Any]]:
    """The prompts to try for an image with this caption: one row a source."""
    without_caption, _ = recoverer.recover(image, claims=(), caption=None)
    with_caption, _ = recoverer.recover(image, claims=(), caption=caption)
    rows = []
    for source, recovered, is_looked_up in (
        (AS_FOUND, without_caption, True),
        (STATED, with_caption, True),
        (PIXELS_ALONE, without_caption, False),
    ):
        matches = make_typed_frame([], MATCHES)
        if is_looked_up:
            texts = list(dict.fromkeys(recovered["text"]))
            _, matches = recoverer.look_up(index, image, texts, corpus, params.lookup)
        prompts = select_prompts(recovered, matches, params.search.prompts)
        rows.append({"way": source, "prompts": prompts.to_dict("records")})
    return rows


def read_controls(
    folder: Path, recoverer: PromptRecoverer, index: CorpusIndex, params: Params
) -> list[ControlInput]:
    """The images of ``folder/controls``, each with the prompts of an image of stated caption."""
    controls = []
    for entry in read_entries(folder / "controls", "controls.path"):
        image, target = read_target(folder / "controls" / entry.file_name, entry.file_name)
        prompts, corpus_match = recoverer.recover_control(
            image,
            entry.text,
            index,
            _settle_corpus(folder / "corpus", params),
            params.lookup,
            params.search.prompts,
        )
        case = case_search.SearchCase(image, tuple(prompts["text"]))
        controls.append(ControlInput(entry, case, prompts, target, corpus_match))
    return controls
