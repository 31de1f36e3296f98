"""What a folder of the validation asks: each picture in three ways, and the controls beside them.

Read by `blind.py`, which judges, and by `detectors.py`, which takes the same settings and index.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from kept import CANDIDATES, Kept
from PIL import Image

from seedwitness.config.params import Params, load_params
from seedwitness.corpus import ROWS, Embedder
from seedwitness.corpus.building import build
from seedwitness.corpus.index import Index, save
from seedwitness.imaging.alignment import AlignmentSpec
from seedwitness.imaging.image_folder import ImageEntry, read_entries
from seedwitness.metrics import clip_score
from seedwitness.prompts.asking import PromptRecoverer, hash_image
from seedwitness.prompts.candidates import candidates
from seedwitness.records.recipe import digest
from seedwitness.records.tables import MATCHES, PROMPTS, typed_frame
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import sha256_file
from seedwitness.search import case_search
from seedwitness.targets.reading import read

STEPS = {160: 10, 640: 20, 1920: 20}
"""Steps by the budget of a case, in NFE: those of the demonstration, then of a lab's measure."""
STATED = 1920
"""The budget at which pictures are asked about with their captions stated, and in no other way."""


def settings(lab: Path, budget: int | None = None) -> Params:
    """Those of the project, but for the places of weights, which are the lab's own.

    ``budget`` is one of ``STEPS``; without it the search is the project's own too.
    """
    params = load_params()
    if budget:
        update = {"budget_nfe": budget, "steps": STEPS[budget]}
        params = params.model_copy(update={"search": params.search.model_copy(update=update)})
    if params.search.preselection or params.search.stop.is_enabled:
        raise SystemExit("search.preselection and search.stop are not looked at here: leave them out.")
    own = {name: lab / path.relative_to("data/lab") for name, path in params.score.weights.items()}
    score = params.score.model_copy(update={"weights": own})
    clip = params.clip.model_copy(update={"path": lab / "clip", "watch": None})
    return params.model_copy(update={"score": score, "clip": clip})


def laid(asked: Params) -> AlignmentSpec:
    """How a target is laid over what a checkpoint makes."""
    return AlignmentSpec(asked.search.resize, asked.score.mirrored, asked.score.shift)


@dataclass(frozen=True)
class Question:
    """A picture, what its file says, and the prompts that are tried, as PROMPTS."""

    image: Image.Image
    target: TargetRecord
    prompts: pd.DataFrame


def indexed(folder: Path, asked: Params, scratch: Path) -> Path:
    """The index of the corpus in ``folder``, built where it is not there yet.

    It is named by what is in the folder, by the model and by what a row holds, so that no other one
    is taken for it.
    """
    named = [*ROWS, *(sha256_file(each) for each in sorted(folder.iterdir()))]
    named += [sha256_file(each) for each in sorted(asked.clip.path.glob("*.safetensors"))]
    place = scratch / f"index-{digest(named)[:16]}"
    if not place.exists():
        clip = clip_score.load(asked.clip.path)
        images = partial(clip.embed_images, batch=asked.clip.batch)
        embedder = Embedder(images, clip.embed_texts, clip.info)
        save(build(folder, "validation", embedder, hash_image, batch=asked.clip.batch), place)
    return place


def questions(
    folder: Path, ask: PromptRecoverer, index: Index, asked: Params, kept: Kept
) -> dict[str, Question]:
    """Every picture in every way, by ``WAY/NAME``."""
    found = {}
    for each in read_entries(folder / "questions"):
        image, target = read(folder / "questions" / each.file_name, Path(each.file_name).stem)
        reckon = partial(candidates_of, image, each.text, folder / "corpus", ask, index, asked)
        for row in kept.rows(CANDIDATES, target.pixels_sha256, each.text, reckon):
            own = typed_frame(row["prompts"], PROMPTS)
            found[f"{row['way']}/{target.name}"] = Question(image, target, own)
    return found


def candidates_of(
    image: Image.Image,
    text: str,
    corpus: Path,
    ask: PromptRecoverer,
    index: Index,
    asked: Params,
) -> list[dict[str, Any]]:
    """What is tried of a picture whose caption is ``text``, by way."""
    alone, _ = ask.recover(image, claims=(), caption=None)
    stated, _ = ask.recover(image, claims=(), caption=text)
    rows = []
    for way, recovered, looked_up in (
        ("as found", alone, True),
        ("stated", stated, True),
        ("pixels alone", alone, False),
    ):
        matches = typed_frame([], MATCHES)
        if looked_up:
            texts = list(dict.fromkeys(recovered["text"]))
            _, matches = ask.look_up(index, image, texts, corpus, asked.lookup)
        own = candidates(recovered, matches, asked.search.prompts)
        rows.append({"way": way, "prompts": own.to_dict("records")})
    return rows


@dataclass(frozen=True)
class Control:
    """A control's picture and record, the prompts that are tried, and where the corpus holds it."""

    entry: ImageEntry
    case: case_search.SearchCase
    target: TargetRecord
    seen: str


def controls(folder: Path, ask: PromptRecoverer, index: Index, asked: Params) -> list[Control]:
    """The controls, each asked as a picture is whose caption is stated."""
    found = []
    for each in read_entries(folder / "controls"):
        image, target = read(folder / "controls" / each.file_name, each.file_name)
        own, seen = ask.as_control(
            image, each.text, index, folder / "corpus", asked.lookup, asked.search.prompts
        )
        case = case_search.SearchCase(image, tuple(own["text"]))
        found.append(Control(each, case, target, seen))
    return found
