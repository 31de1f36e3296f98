"""Makes the ``Evidence`` of one target from what the stages wrote."""

from __future__ import annotations

from typing import Any

import pandas as pd

from seedwitness.config.stage_settings import ReportStage
from seedwitness.errors import RecordError
from seedwitness.records.recipe import Recipe
from seedwitness.report import figures
from seedwitness.report.attempts import attempts
from seedwitness.report.detected import detected
from seedwitness.report.evidence import (
    SCHEMA_VERSION,
    Agreement,
    CaseEvidence,
    Cited,
    Evidence,
    Front,
    Lookup,
    Match,
    Prompt,
    Recovered,
    Score,
    Searched,
    command,
)
from seedwitness.report.provenance import ControlSet, Positions, Protocol, environment
from seedwitness.report.reachability import reach
from seedwitness.report.sources import CaseSource, TargetSource
from seedwitness.report.text import metric_title
from seedwitness.runtime.hashes import sha256_file
from seedwitness.statistics.distances import score_of, with_distance
from seedwitness.verdict.pass_phrase import front

IMAGE = "images/target.png"


def build(source: TargetSource, settings: ReportStage) -> Evidence:
    """Everything that ``evidence.json`` holds and the page shows."""
    return Evidence(
        schema_version=SCHEMA_VERSION,
        target=source.target,
        image=IMAGE,
        cases=[_case(each, settings) for each in source.cases],
        prompts=[_prompt(row) for row in _rows(source.prompts)],
        recovery=source.recovery,
        lookup=Lookup(corpus=source.corpus, query=source.query),
        matches=[_match(row, source) for row in _rows(source.matches)],
        protocol=Protocol(
            sha256=sha256_file(source.plan),
            others=attempts(source.plan, source.plans),
            prepare=settings.prepare,
            recover_methods=settings.recover.methods,
            recover_phrases=settings.recover.max_phrases,
            lookup=settings.lookup,
            search=settings.search,
            scan=settings.scan,
            reach=settings.reach,
            detectors=settings.detectors,
            metrics=settings.score.metrics,
            not_run=settings.score.without_weights,
            positions=Positions(mirrored=settings.score.mirrored, shift=settings.score.shift),
            controls=ControlSet(
                source=settings.controls.source,
                count=settings.controls.count,
                like=[path.name for path in settings.controls.similar_to],
            ),
            known=None
            if settings.controls.learned is None
            else ControlSet(
                source=settings.controls.learned.source,
                count=settings.controls.learned.count,
                like=[],
            ),
            judge=settings.judge,
        ),
        attempts=source.attempts,
        environment=environment(),
        inputs=source.inputs,
    )


def _case(source: CaseSource, settings: ReportStage) -> CaseEvidence:
    case, metric = source.case, settings.judge.metric
    return CaseEvidence(
        checkpoint=case.checkpoint,
        checkpoint_sha256=case.checkpoint_sha256,
        memorised=case.memorised,
        generated=case.generated,
        phrase=case.phrase,
        codecs=_fronts(source),
        identity=source.identity,
        search=source.search,
        replay=source.replay,
        prompts=_searched(source, metric),
        distributions=figures.distributions(source),
        budget=figures.spent(figures.curve(source, metric)),
        controls_copied=figures.controls_copied(source),
        cited=_cited(source, settings),
        agreement=Agreement(
            map=source.maps,
            images={
                name: f"images/{case.checkpoint}/maps/{name}.png" for name in source.map_images
            },
        ),
        recovered=_recovered(source),
        reach=reach(source, metric),
        detectors=detected(source),
    )


def _fronts(source: CaseSource) -> list[Front]:
    return [
        Front(
            metric=each.metric,
            label=each.label,
            higher_is_closer=each.higher_is_closer,
            files=front(source.codecs[source.codecs["metric"] == each.metric]),
        )
        for each in source.case.phrase.distortions
    ]


def _recovered(source: CaseSource) -> Recovered | None:
    scan = source.case.generated.scan
    if scan.regenerated is None or source.regenerated is None:
        return None
    case = source.case
    return Recovered(
        image=f"images/{case.checkpoint}/{scan.regenerated.image}",
        image_sha256=sha256_file(source.regenerated),
        command=command(case.target, case.checkpoint, scan.regenerated.trial),
    )


def _cited(source: CaseSource, settings: ReportStage) -> list[Cited]:
    """The trial that the statistic rests on, the closest copy, then the closest kept as pictures.

    Where too few were kept, a trial is cited without its picture, not replaced in silence.
    """
    metric = settings.judge.metric
    ranked = _ranked(source.scores, metric)
    label = source.scores.loc[source.scores["metric"] == metric, "label"].iloc[0]
    said = metric_title(metric, str(label))
    why: dict[str, list[str]] = {ranked[0]: [f"the closest of all trials by {said}"]}
    copies = source.case.memorised.copies
    if copies.best_trial is not None:
        why.setdefault(copies.best_trial, []).append(f"the closest copy by {said}")
    for trial in [each for each in ranked if each in source.images][: settings.report.images]:
        why.setdefault(trial, [f"among the closest by {said} whose pictures were kept"])
    trials = source.trials.set_index("trial")
    theirs = {
        (str(row["trial"]), str(row["metric"])): float(row["score"])
        for row in _rows(source.reference_scores)
    }
    return [
        _trial(source, trial, why[trial], trials.loc[trial].to_dict(), theirs)
        for trial in sorted(why, key=ranked.index)
    ]


def _trial(
    source: CaseSource,
    trial: str,
    why: list[str],
    row: dict[Any, Any],
    reference: dict[tuple[str, str], float],
) -> Cited:
    kept = source.images.get(trial)
    folder = f"images/{source.case.checkpoint}"
    found = [
        Score(
            metric=each["metric"],
            label=each["label"],
            higher_is_closer=each["higher_is_closer"],
            alignment=each["alignment"],
            score=each["score"],
            reference_score=reference.get((trial, each["metric"])),
        )
        for each in _rows(source.scores[source.scores["trial"] == trial])
    ]
    return Cited(
        trial=trial,
        why=why,
        recipe=Recipe.from_row(row),
        nfe=row["nfe"],
        prompt_rank=row["prompt_rank"],
        prompt_source=row["prompt_source"],
        noise_sha256=row["noise_sha256"],
        latent_sha256=row["latent_sha256"],
        latent_distance=row["latent_distance"],
        scores=found,
        image=f"{folder}/{trial}.png" if kept else None,
        image_sha256=sha256_file(kept) if kept else None,
        reference_image=f"{folder}/reference/{trial}.png"
        if trial in source.reference_images
        else None,
        command=command(source.case.target, source.case.checkpoint, trial),
    )


def _ranked(scores: pd.DataFrame, metric: str) -> list[str]:
    """Trials by ``metric``, the closest first; of equals the first by name."""
    own = scores[scores["metric"] == metric]
    if own.empty:
        raise RecordError(f"No trial has a score by {metric}. `dvc repro` scores them.")
    ordered = with_distance(own).sort_values(["distance", "trial"])
    return [str(trial) for trial in ordered["trial"]]


def _searched(source: CaseSource, metric: str) -> list[Searched]:
    higher = figures.closer_is_higher(source, metric)
    scores = with_distance(source.scores[source.scores["metric"] == metric])
    joined = source.trials[["trial", "prompt_rank"]].merge(scores, on="trial")
    found = []
    for row in _rows(source.prompts):
        own = joined.loc[joined["prompt_rank"] == row["rank"], "distance"]
        closest = None if own.empty else score_of(float(own.min()), higher)
        found.append(Searched(prompt=_prompt(row), trials=len(own), closest=closest))
    return found


def _prompt(row: dict[str, Any]) -> Prompt:
    return Prompt(
        **{
            **row,
            "score": figures.finite(row["score"]),
            "bits": figures.finite(row["bits"]),
        }
    )


def _match(row: dict[str, Any], source: TargetSource) -> Match:
    kept = str(row["rank"]) in source.match_images
    return Match(
        **{
            **row,
            "caption_score": figures.finite(row["caption_score"]),
            "caption_bits": figures.finite(row["caption_bits"]),
            "image": f"images/matches/{row['rank']}.png" if kept else None,
        }
    )


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
