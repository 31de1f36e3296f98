"""Makes the ``Evidence`` of one target from what the stages wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from seedwitness.config.stage_settings import ReportStage
from seedwitness.errors import RecordError
from seedwitness.imaging.decoding import decode_image
from seedwitness.records.reasons import Reason, ReasonCode
from seedwitness.records.recipe import Recipe
from seedwitness.report import figures
from seedwitness.report.attempts_made import describe_attempt
from seedwitness.report.case_copies import find_copies
from seedwitness.report.class_rates import list_class_rates
from seedwitness.report.closest_control import find_closest_control
from seedwitness.report.detector_ranks import rank_detectors
from seedwitness.report.evidence import (
    SCHEMA_VERSION,
    Agreement,
    BestFiles,
    CaseEvidence,
    CitedTrial,
    Evidence,
    RecoveredImage,
    Score,
    format_command,
)
from seedwitness.report.findings_in_words import (
    add_words,
    word_exposed,
    word_generated,
    word_memorised,
    word_search,
)
from seedwitness.report.ladder_ranks import rank_ladder
from seedwitness.report.measured_rates import find_validation
from seedwitness.report.other_plans import list_other_plans
from seedwitness.report.prompt_evidence import Lookup, Match, Prompt
from seedwitness.report.prompt_results import list_searched_prompts
from seedwitness.report.provenance import (
    Alignments,
    AnalysisPlan,
    ControlSet,
    Environment,
    describe_environment,
)
from seedwitness.report.sources import CaseSource, TargetSource
from seedwitness.report.trial_tables import RenderedTables, list_tables
from seedwitness.report.work_done import count_work
from seedwitness.runtime.hashes import sha256_file
from seedwitness.statistics.distances import with_distance
from seedwitness.verdict.image_identity import is_same_record
from seedwitness.verdict.shortest_phrase import find_best_files

IMAGE = "images/target.png"


def build_evidence(
    source: TargetSource,
    settings: ReportStage,
    tables: Mapping[str, RenderedTables] | None = None,
    environment: Environment | None = None,
) -> Evidence:
    """Everything that ``evidence.json`` holds and the page shows.

    ``tables`` are those of ``render_tables`` by checkpoint; without them the evidence names none.
    ``environment`` is that of this machine, where it is not given.
    """
    matches = [_build_match(row, source) for row in _list_rows(source.matches)]
    return Evidence(
        schema_version=SCHEMA_VERSION,
        target=source.target,
        image=IMAGE,
        cases=[
            _build_case(case, source.cases, settings, matches, tables or {})
            for case in source.cases
        ],
        prompts=[_build_prompt(row) for row in _list_rows(source.prompts)],
        recovery=source.recovery,
        lookup=Lookup(corpus=source.corpus, query=source.query),
        matches=matches,
        plan=_build_plan(source, settings),
        validation=find_validation(settings.search, settings.judge),
        attempt=describe_attempt(source),
        work=count_work(source),
        environment=environment or describe_environment(source.code),
        inputs=source.inputs,
    )


def _build_plan(source: TargetSource, settings: ReportStage) -> AnalysisPlan:
    learned = settings.controls.learned
    return AnalysisPlan(
        sha256=sha256_file(source.plan),
        others=list_other_plans(source.plan, source.plans),
        stamps=source.stamps,
        prepare=settings.prepare,
        recover_methods=settings.recover.methods,
        recover_phrases=settings.recover.max_phrases,
        lookup=settings.lookup,
        search=settings.search,
        scan=settings.scan,
        reach=settings.reach,
        detectors=settings.detectors,
        metrics=settings.score.metrics,
        not_run=settings.score.metrics_without_weights,
        alignments=Alignments(mirrored=settings.score.mirrored, shift=settings.score.shift),
        controls=ControlSet(
            source=settings.controls.source,
            count=settings.controls.count,
            like=[path.name for path in settings.controls.similar_to],
        ),
        learned_images=None
        if learned is None
        else ControlSet(source=learned.source, count=learned.count, like=[]),
        judge=settings.judge,
    )


def _build_case(
    source: CaseSource,
    cases: Sequence[CaseSource],
    settings: ReportStage,
    matches: Sequence[Match],
    tables: Mapping[str, RenderedTables],
) -> CaseEvidence:
    case, metric = source.case, settings.judge.metric
    prompts = [_build_prompt(row) for row in _list_rows(source.prompts)]
    folder = f"images/{case.checkpoint}/maps"
    return CaseEvidence(
        checkpoint=case.checkpoint,
        checkpoint_sha256=case.checkpoint_sha256,
        origin=case.origin,
        memorised=word_memorised(case.memorised),
        generated=word_generated(case.generated),
        exposed=word_exposed(source.exposed),
        pass_phrase=case.pass_phrase,
        codecs=_list_best_files(source),
        identity=source.identity,
        search=word_search(source.search),
        replay=source.replay,
        prompts=list_searched_prompts(source, metric, prompts, matches),
        distributions=figures.describe_distributions(source),
        budget=figures.sample_curve(figures.compute_curve(source, metric)),
        controls_copied=figures.estimate_controls_copied(source),
        closest_control=find_closest_control(source, metric),
        cited=_cite_trials(source, settings),
        agreement=Agreement(
            map=source.maps,
            images={name: f"{folder}/{name}.png" for name in source.map_images},
        ),
        recovered=_build_recovered(source),
        reach=rank_ladder(source, metric),
        prompt_classes=list_class_rates(source, cases),
        detectors=rank_detectors(source),
        tables=list_tables(case.checkpoint, tables.get(case.checkpoint, {})),
    )


def _list_best_files(source: CaseSource) -> list[BestFiles]:
    return [
        BestFiles(
            metric=comparison.metric,
            label=comparison.label,
            higher_is_closer=comparison.higher_is_closer,
            files=find_best_files(source.codecs[source.codecs["metric"] == comparison.metric]),
        )
        for comparison in source.case.pass_phrase.comparisons
    ]


def _build_recovered(source: CaseSource) -> RecoveredImage | None:
    scan = source.case.generated.scan
    if scan.regenerated is None or source.regenerated is None:
        return None
    case = source.case
    return RecoveredImage(
        image=f"images/{case.checkpoint}/{scan.regenerated.image}",
        image_sha256=sha256_file(source.regenerated),
        command=format_command(case.target, case.checkpoint, scan.regenerated.trial),
    )


def _cite_trials(source: CaseSource, settings: ReportStage) -> list[CitedTrial]:
    """The statistic's trial, the closest copy, and the closest trials whose images were kept.

    Where an image was not kept, its trial is cited without it.
    """
    metric = settings.judge.metric
    ranked = _rank_trials(source.scores, metric)
    label = str(source.scores.loc[source.scores["metric"] == metric, "label"].iloc[0])

    def reason(code: ReasonCode) -> Reason:
        return Reason(code=code, values={"metric": metric, "label": label})

    why: dict[str, list[Reason]] = {ranked[0]: [reason("closest-trial")]}
    copies = source.case.memorised.copies
    if copies.best_trial is not None:
        why.setdefault(copies.best_trial, []).append(reason("closest-copy"))
    with_image = [trial for trial in ranked if trial in source.images]
    for trial in with_image[: settings.report.images]:
        why.setdefault(trial, [reason("close-with-image")])
    trials = source.trials.set_index("trial")
    reference_scores = {
        (str(row["trial"]), str(row["metric"])): float(row["score"])
        for row in _list_rows(source.reference_scores)
    }
    hits = (
        find_copies(source, source.scores, of_target=True),
        find_copies(source, source.reference_scores),
    )
    return [
        _cite_trial(source, trial, why[trial], trials.loc[trial].to_dict(), reference_scores, hits)
        for trial in sorted(why, key=ranked.index)
    ]


def _cite_trial(
    source: CaseSource,
    trial: str,
    why: list[Reason],
    row: dict[Any, Any],
    reference_scores: dict[tuple[str, str], float],
    copies: tuple[Mapping[str, bool], Mapping[str, bool]],
) -> CitedTrial:
    image = source.images.get(trial)
    folder = f"images/{source.case.checkpoint}"
    has_reference = trial in source.reference_images
    return CitedTrial(
        trial=trial,
        why=[add_words(reason) for reason in why],
        recipe=Recipe.from_row(row),
        nfe=row["nfe"],
        prompt_rank=row["prompt_rank"],
        prompt_source=row["prompt_source"],
        noise_sha256=row["noise_sha256"],
        latent_sha256=row["latent_sha256"],
        latent_distance=row["latent_distance"],
        is_copy=copies[0][trial],
        is_reference_copy=copies[1].get(trial),
        scores=[
            Score(
                metric=score["metric"],
                label=score["label"],
                higher_is_closer=score["higher_is_closer"],
                alignment=score["alignment"],
                score=score["score"],
                reference_score=reference_scores.get((trial, score["metric"])),
            )
            for score in _list_rows(source.scores[source.scores["trial"] == trial])
        ],
        image=f"{folder}/{trial}.png" if image else None,
        image_sha256=sha256_file(image) if image else None,
        reference_image=f"{folder}/reference/{trial}.png" if has_reference else None,
        command=format_command(source.case.target, source.case.checkpoint, trial),
    )


def _rank_trials(scores: pd.DataFrame, metric: str) -> list[str]:
    """Trials by ``metric``, the closest first; equal ones by name."""
    scores = scores[scores["metric"] == metric]
    if scores.empty:
        raise RecordError(f"No trial has a score by {metric}. `dvc repro` scores them.")
    ordered = with_distance(scores).sort_values(["distance", "trial"])
    return [str(trial) for trial in ordered["trial"]]


def _build_prompt(row: dict[str, Any]) -> Prompt:
    return Prompt(
        **{
            **row,
            "score": figures.finite_or_none(row["score"]),
            "bits": figures.finite_or_none(row["bits"]),
        }
    )


def _build_match(row: dict[str, Any], source: TargetSource) -> Match:
    path = source.match_images.get(str(row["rank"]))
    picture = decode_image(path) if path else None
    distances = {
        name: None if pd.isna(row[name]) else int(row[name])
        for name in ("phash_distance", "pdq_distance", "pdq_quality")
    }
    return Match(
        **{
            **row,
            **distances,
            "descriptor": figures.finite_or_none(row["descriptor"]),
            "caption_score": figures.finite_or_none(row["caption_score"]),
            "caption_bits": figures.finite_or_none(row["caption_bits"]),
            "is_target": not row["copy_by"].endswith("mirrored")
            and is_same_record(
                distances["pdq_distance"], distances["pdq_quality"], picture, source.target
            ),
            "image": f"images/matches/{row['rank']}.png" if path else None,
        }
    )


def _list_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
