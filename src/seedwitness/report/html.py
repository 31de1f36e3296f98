"""``report.html``: one page that needs nothing beside it, from the evidence and its pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seedwitness.records.seed_scan import RegeneratedImage
from seedwitness.report import figures, text
from seedwitness.report.embedding import embed
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.sources import CaseSource, TargetSource
from seedwitness.runtime.hashes import canonical_json
from seedwitness.verdict.pass_phrase import SETTINGS_CODE

SCRIPT = "report.js"


def environment() -> Environment:
    """Jinja with everything escaped and no name undefined."""
    found = Environment(
        loader=PackageLoader("seedwitness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "figure": text.figure,
        "percent": text.percent,
        "coded": text.coded,
        "folded": text.folded,
        "short": text.short,
        "visible": text.visible,
        "slug": text.slug,
    }
    found.globals |= {
        "criterion": text.criterion,
        "like": like,
        "metric_title": text.metric_title,
        "title_in": text.title_in,
        "version": version("seedwitness"),
    }
    return found


def page(template: str, **values: Any) -> str:
    """A page by its template. Its policy lets nothing leave the file and no other script run."""
    jinja = environment()
    loader = jinja.loader
    assert loader is not None
    script = loader.get_source(jinja, SCRIPT)[0]
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    )
    return jinja.get_template(template).render(
        script=Markup(script),
        policy=policy,
        **values,
    )


def render(evidence: Evidence, source: TargetSource, title: str, folder: Path) -> str:
    """The report; ``folder`` holds the pictures that ``evidence`` names."""
    return page(
        "report.html",
        evidence=evidence,
        title=title,
        pictures={name: embed(folder / name) for name in images(evidence, source)},
        plots={
            case.checkpoint: _plots(
                case,
                each,
                evidence.protocol.judge.metric,
                number,
            )
            for number, (case, each) in enumerate(
                zip(evidence.cases, source.cases, strict=True), start=1
            )
        },
        archive=_archive(evidence),
        settings_code=SETTINGS_CODE,
        codecs=text.CODECS,
        recipes={
            cited.trial: canonical_json(asdict(cited.recipe)).decode()
            for case in evidence.cases
            for cited in case.cited
        }
        | {
            made.trial: canonical_json(asdict(made.recipe)).decode()
            for made in (regenerated(case) for case in evidence.cases)
            if made
        },
        families=max(
            (
                case.memorised.rank.family
                for case in evidence.cases
                if case.checkpoint != evidence.protocol.judge.reference
            ),
            default=0,
        ),
    )


def images(evidence: Evidence, source: TargetSource) -> dict[str, Path]:
    """The pictures that the evidence names, by their place beside the page, and their origins."""
    found = {evidence.image: source.image}
    for match in evidence.matches:
        if match.image:
            found[match.image] = source.match_images[str(match.rank)]
    for case, each in zip(evidence.cases, source.cases, strict=True):
        for cited in case.cited:
            if cited.image:
                found[cited.image] = each.images[cited.trial]
            if cited.reference_image:
                found[cited.reference_image] = each.reference_images[cited.trial]
        for name, place in case.agreement.images.items():
            found[place] = each.map_images[name]
        if case.recovered and each.regenerated:
            found[case.recovered.image] = each.regenerated
        for rung in case.reach.rungs if case.reach else []:
            found[rung.image] = each.reach_images[Path(rung.image).stem]
    return found


def regenerated(case: CaseEvidence) -> RegeneratedImage | None:
    """What the recovered seed gave, where one was."""
    return case.generated.scan.regenerated


def _archive(evidence: Evidence) -> Markup | None:
    """The plot of distortion against bits, by the first metric, of cases that were concluded.

    Of those alone that make pictures of the first one's size, at which codecs are given the target.
    None where there are none, or no metric of distortion was asked for.
    """
    from seedwitness.report import plots  # the overview has none, and they take long to import

    concluded = [each for each in evidence.cases if each.memorised.finding != "inconclusive"]
    if not concluded or not concluded[0].codecs:
        return None
    front = concluded[0].codecs[0]
    return plots.archive(
        front.files,
        {case.checkpoint: case.phrase for case in concluded if like(case, concluded[0])},
        text.metric_title(front.metric, front.label),
        front.higher_is_closer,
        evidence.protocol.judge.reference,
    )


def like(case: CaseEvidence, other: CaseEvidence) -> bool:
    """Whether codecs were given the target at the same size for both: the files are the same."""
    return bool(case.codecs) and case.codecs[0].files == other.codecs[0].files


def _plots(case: CaseEvidence, source: CaseSource, metric: str, number: int) -> Mapping[str, Any]:
    from seedwitness.report import plots

    criteria = case.memorised.copies.criteria
    metrics = list(dict.fromkeys([metric, *(each.metric for each in criteria)]))
    spread = {
        each.metric: plots.spread(
            figures.spreads(source, each.metric),
            text.metric_title(each.metric, each.label),
            each.higher_is_closer,
            [one for one in criteria if one.metric == each.metric],
            f"case-{number}-{place}",
        )
        for place, each in enumerate(case.distributions)
        if each.metric in metrics
    }
    curve, ratios = figures.curve(source, metric), case.memorised.likelihood
    return {
        "spread": {name: spread[name] for name in metrics},
        "cost": plots.cost(curve, f"case-{number}-cost"),
        "tippett": ratios and plots.tippett(ratios, f"case-{number}-tippett"),
    }
