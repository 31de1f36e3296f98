"""Refine the prompts of a case: methods that run the checkpoint, and ranking by regeneration.

What ``recover`` and ``lookup`` found, and what the methods here make of it, is ranked together, by
what the checkpoint under examination makes of each text. Targets and controls go through the same
function; otherwise the ranks of a search under refined prompts would be invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.prompt_settings import RefinementSettings
from seedwitness.config.steps import SearchSettings
from seedwitness.engine.sampling import count_truncated_tokens, encode_pictures
from seedwitness.imaging.alignment import resize_to_tensor
from seedwitness.prompts.budget import Budget, Report
from seedwitness.prompts.denoising_loss import compute_losses
from seedwitness.prompts.evolve import Score, evolve_prompts
from seedwitness.prompts.ph2p import optimise_prompts
from seedwitness.prompts.regeneration import count_regeneration_nfe, score_by_regeneration
from seedwitness.records.prompt_recovery import PromptRefinement, RefinedPrompt
from seedwitness.records.tables import PROMPTS, make_typed_frame
from seedwitness.statistics.description_length import count_text_bits

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CheckpointTarget:
    """One picture on a checkpoint, as input of the methods: its latent, and how texts are scored.

    ``score`` costs ``cost`` NFE a text, ``fits`` says whether the checkpoint reads a text to its
    end. ``starts`` are candidates and ``phrases`` parts of prompts, both best first.
    """

    loaded: LoadedCheckpoint
    latent: Tensor
    starts: Sequence[str]
    phrases: Sequence[str]
    score: Score
    cost: int
    fits: Callable[[str], bool]
    settings: RefinementSettings


def _evolve(target: CheckpointTarget, budget: Budget) -> list[str]:
    scored = evolve_prompts(
        target.starts, target.phrases, target.score, target.cost, target.fits, budget
    )
    return [text for text, _ in scored]


def _optimise(target: CheckpointTarget, budget: Budget) -> list[str]:
    return optimise_prompts(
        target.loaded.pipeline,
        target.latent,
        target.settings.ph2p,
        budget,
        score=target.score,
        cost=target.cost,
    )


CHECKPOINT_METHODS: dict[str, Callable[[CheckpointTarget, Budget], list[str]]] = {
    "evolve": _evolve,
    "ph2p": _optimise,
}
"""By name: the texts that a method found within its budget, best first."""


def refine_prompts(
    loaded: LoadedCheckpoint,
    picture: Image.Image,
    table: pd.DataFrame,
    phrases: Sequence[str],
    search: SearchSettings,
    report: Report | None = None,
) -> tuple[pd.DataFrame, PromptRefinement | None, SearchSettings]:
    """Make and rank the prompts of one case; the ``search.prompts`` best, as PROMPTS.

    ``table`` is PROMPTS of all sources, ``phrases`` are parts of prompts that fit the picture, best
    first. The methods share what the budget leaves after the finalists' regenerations, which are
    paid for first. Finalists are the best of each method and of the given candidates, by score in
    turn, so that none keeps the others out. They are ranked by regeneration, then by text. The
    remaining search has less budget by ``refinement.budget_nfe``, whatever was spent, so that it is
    equal for all. Without ``search.refinement`` everything is returned unchanged.
    """
    settings = search.refinement
    if settings is None:
        return table, None, search
    width = search.width or loaded.checkpoint.width
    height = search.height or loaded.checkpoint.height
    loaded.latent_shape(width, height)
    pixels = resize_to_tensor(picture, width, height, search.resize)
    latent = encode_pictures(loaded.pipeline.vae, pixels[None])[0]
    final_cost = count_regeneration_nfe(search, seeds=settings.seeds, steps=settings.steps)
    budget = Budget(settings.budget_nfe, settings.seconds, report)
    selection = budget.share(settings.budget_nfe - settings.finalists * final_cost)
    target = _make_target(loaded, latent, table, phrases, search)

    found = _score_candidates(target, selection)
    groups = [("", [text for text, _ in found])]
    share = (selection.nfe or 0) - selection.spent_nfe
    for name in settings.methods:
        own = selection.share(share // len(settings.methods))
        groups.append((name, CHECKPOINT_METHODS[name](target, own)))
        selection.spent_nfe += own.spent_nfe
        selection.ended_by_time |= own.ended_by_time
    finalists = _take_in_turn(groups, settings.finalists)
    distances = score_by_regeneration(
        loaded, latent, list(finalists), search, seeds=settings.seeds, steps=settings.steps
    )
    budget.spend(selection.spent_nfe + len(finalists) * final_cost, "regenerate")
    ranked = sorted(zip(finalists, distances, strict=True), key=lambda pair: (pair[1], pair[0]))
    refinement = PromptRefinement(
        methods=list(settings.methods),
        score=settings.score,
        budget_nfe=settings.budget_nfe,
        nfe=budget.spent_nfe,
        ended_by_time=selection.ended_by_time,
        prompts=[
            RefinedPrompt(
                prompt=text,
                method=finalists[text],
                distance=distance,
                selected=rank < search.prompts,
            )
            for rank, (text, distance) in enumerate(ranked)
        ],
    )
    chosen = [text for text, _ in ranked[: search.prompts]]
    remaining = search.model_copy(update={"budget_nfe": search.budget_nfe - settings.budget_nfe})
    return _make_table(loaded, table, chosen, finalists), refinement, remaining


def _make_target(
    loaded: LoadedCheckpoint,
    latent: Tensor,
    table: pd.DataFrame,
    phrases: Sequence[str],
    search: SearchSettings,
) -> CheckpointTarget:
    settings = search.refinement
    assert settings is not None
    pipeline = loaded.pipeline
    starts = list(table["text"])[: settings.candidates]

    def score_by_loss(texts: Sequence[str]) -> list[float]:
        return compute_losses(pipeline, latent, texts, levels=settings.levels, batch=search.batch)

    def score_by_distance(texts: Sequence[str]) -> list[float]:
        return score_by_regeneration(loaded, latent, texts, search, seeds=1, steps=settings.steps)

    def fits(text: str) -> bool:
        return count_truncated_tokens(pipeline, [text]) == [0]

    by_loss = settings.score == "denoising-loss"
    one = count_regeneration_nfe(search, seeds=1, steps=settings.steps)
    return CheckpointTarget(
        loaded=loaded,
        latent=latent,
        starts=starts,
        phrases=phrases,
        score=score_by_loss if by_loss else score_by_distance,
        cost=settings.levels if by_loss else one,
        fits=fits,
        settings=settings,
    )


def _score_candidates(target: CheckpointTarget, budget: Budget) -> list[tuple[str, float]]:
    """The candidates that were given, best first; those that the budget does not reach are left."""
    texts = list(dict.fromkeys(target.starts))[: budget.count_affordable(target.cost)]
    scores = target.score(texts)
    budget.spend(len(texts) * target.cost, "score")
    return sorted(zip(texts, scores, strict=True), key=lambda pair: (pair[1], pair[0]))


def _take_in_turn(groups: Sequence[tuple[str, list[str]]], count: int) -> dict[str, str]:
    """The first of each group, then the second of each, and so on: ``count`` texts, with the name
    of the group that had it first. A text of the first group keeps its origin."""
    origins: dict[str, str] = {}
    for name, texts in groups:
        for text in texts:
            origins.setdefault(text, name)
    finalists: dict[str, str] = {}
    for place in range(max((len(texts) for _, texts in groups), default=0)):
        for _, texts in groups:
            if place < len(texts) and len(finalists) < count:
                finalists.setdefault(texts[place], origins[texts[place]])
    return finalists


def _make_table(
    loaded: LoadedCheckpoint, table: pd.DataFrame, chosen: list[str], origins: dict[str, str]
) -> pd.DataFrame:
    """PROMPTS of the chosen texts. New ones have no cosine; their tokens are the checkpoint's."""
    known = {row["text"]: row for row in reversed(table.to_dict("records"))}
    rows = []
    for rank, text in enumerate(chosen, start=1):
        new = {
            "text": text,
            "source": "recovered",
            "method": origins[text],
            "score": float("nan"),
            "tokens": len(loaded.pipeline.tokenizer(text, verbose=False).input_ids),
            "bits": count_text_bits(text),
        }
        rows.append({**known.get(text, new), "rank": rank})
    return make_typed_frame(rows, PROMPTS)
