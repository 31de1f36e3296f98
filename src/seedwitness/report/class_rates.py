"""How often each class of prompt brought the target back, over the same seeds, beside controls."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from seedwitness.records.document import Document
from seedwitness.records.rates import Rate
from seedwitness.records.tables import CLASS_RUNG, LEVEL_RUNG
from seedwitness.report.case_copies import find_copies
from seedwitness.report.sources import CaseSource
from seedwitness.statistics.paired_rates import PairedRateDifference, compare_paired_rates
from seedwitness.statistics.ranks import holm_adjust
from seedwitness.statistics.rates import estimate_share

PREFIXES = (CLASS_RUNG, LEVEL_RUNG)


class ClassRate(Document):
    """A prompt class or a level of the specificity ladder: its copies, and those of controls."""

    rung: str
    prompts: list[str]
    """The texts that seeds took in turn."""
    copies: Rate
    """Of the seeds on this checkpoint."""
    reference_copies: Rate | None
    """Of the same class with the same seeds on the reference; None where it was not measured, or
    this is the reference."""
    controls: int
    """Controls that were measured with their own prompts of this class."""
    controls_copied: int
    """Those of them of which at least one seed gave a copy by the stated criteria."""
    against: str
    """The rung that it is compared with: the first; empty for that one itself."""
    difference: PairedRateDifference | None
    p_family: float | None
    """p of ``difference``, adjusted by Holm (1979) for all comparisons of this table."""
    reference_difference: PairedRateDifference | None
    reference_p_family: float | None
    """p of the difference from the reference, adjusted in the same family."""


def list_class_rates(source: CaseSource, others: Sequence[CaseSource]) -> list[ClassRate]:
    """The rates of every class of a case, in the order of the rungs; empty where none was tried.

    Copies are counted by the criteria as they are stated, for target and controls alike. ``others``
    are all cases of the target, of which one is the reference's.
    """
    hits = mark_class_copies(source)
    if not hits:
        return []
    reference = next(
        (each for each in others if each.case.checkpoint == source.replay.reference), None
    )
    is_reference = reference is None or reference.case.checkpoint == source.case.checkpoint
    of_reference = {} if is_reference or reference is None else mark_class_copies(reference)
    first = next(iter(hits))
    differences = {
        rung: compare_paired_rates(values, hits[first])
        for rung, values in hits.items()
        if rung != first
    }
    from_reference = {
        rung: compare_paired_rates(values, of_reference[rung])
        for rung, values in hits.items()
        if len(of_reference.get(rung, [])) == len(values)
    }
    family = [each.p for each in (*differences.values(), *from_reference.values())]
    adjusted = iter(holm_adjust(family))
    by_rung = dict(zip(differences, adjusted, strict=False))
    by_reference = dict(zip(from_reference, adjusted, strict=False))
    controls = _count_controls(source)
    prompts = source.reach.groupby("rung", sort=False)["prompt"].unique()
    return [
        ClassRate(
            rung=rung,
            prompts=[str(text) for text in prompts[rung]],
            copies=estimate_share(values, "class-copies"),
            reference_copies=estimate_share(of_reference[rung], "reference-class-copies")
            if rung in from_reference
            else None,
            controls=controls.get(rung, (0, 0))[0],
            controls_copied=controls.get(rung, (0, 0))[1],
            against="" if rung == first else first,
            difference=differences.get(rung),
            p_family=by_rung.get(rung),
            reference_difference=from_reference.get(rung),
            reference_p_family=by_reference.get(rung),
        )
        for rung, values in hits.items()
    ]


def mark_class_copies(source: CaseSource) -> dict[str, list[bool]]:
    """By rung, whether each seed gave a copy of the target, in the order of seeds.

    Empty without rungs of classes, or where a metric of the criteria was not computed.
    """
    rows = source.reach[source.reach["rung"].str.startswith(PREFIXES)]
    copies = _mark(source, rows, ["rung", "seed"])
    seeds = rows.drop_duplicates(["rung", "seed"]).sort_values("seed", kind="stable")
    if not copies:
        return {}
    return {
        str(rung): [copies[f"{rung}/{seed}"] for seed in seeds.loc[seeds["rung"] == rung, "seed"]]
        for rung in rows["rung"].unique()
    }


def _count_controls(source: CaseSource) -> dict[str, tuple[int, int]]:
    """By rung, how many controls were measured, and how many of them have a copy."""
    rows = source.controls_reach[source.controls_reach["rung"].str.startswith(PREFIXES)]
    rows = rows[~rows["control"].isin(source.case.memorised.rank.left_out)]
    copies = _mark(source, rows, ["control", "rung", "seed"])
    if not copies:
        return {}
    trials = rows.drop_duplicates(["control", "rung", "seed"])
    names = trials["control"] + "/" + trials["rung"] + "/" + trials["seed"].astype(str)
    by_control = names.map(copies).groupby([trials["rung"], trials["control"]]).any()
    return {
        str(rung): (len(values), int(values.sum())) for rung, values in by_control.groupby(level=0)
    }


def _mark(source: CaseSource, rows: pd.DataFrame, keys: list[str]) -> dict[str, bool]:
    """Whether each trial, named by ``keys``, is a copy by the criteria as they are stated."""
    if rows.empty:
        return {}
    names = rows[keys[0]].astype(str)
    for key in keys[1:]:
        names = names + "/" + rows[key].astype(str)
    return find_copies(source, rows.assign(trial=names))
