"""``report.html``: a self-contained page, made from the evidence and its images."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from seedwitness.records.case_sheet import CaseSheet, SignedSheet
from seedwitness.records.recipe import Recipe
from seedwitness.report import figures, formatting
from seedwitness.report.case_page import list_groups
from seedwitness.report.embedding import embed_image, number_images
from seedwitness.report.evidence import CaseEvidence, Evidence
from seedwitness.report.first_screen import is_refused, make_first_screen
from seedwitness.report.prompt_evidence import Match
from seedwitness.report.report_id import make_report_id
from seedwitness.report.sources import CaseSource, TargetSource
from seedwitness.report.wording import phrases
from seedwitness.report.wording.answers import ORIGINS
from seedwitness.report.wording.origin_sentences import describe_origin
from seedwitness.runtime.hashes import canonical_json, sha256_file

SCRIPT = "report.js"


def make_jinja_environment() -> Environment:
    """Jinja that escapes everything and refuses undefined names."""
    jinja = Environment(
        loader=PackageLoader("seedwitness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show_hidden,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters |= {
        "figure": formatting.format_figure,
        "p": formatting.format_p_value,
        "percent": formatting.format_percentage,
        "resize": phrases.word_resize,
        "code": formatting.mark_code,
        "foreign": formatting.fold_foreign_text,
        "short": formatting.shorten,
        "visible": formatting.make_visible,
        "slug": formatting.to_css_class,
    }
    jinja.globals |= {
        "criterion": formatting.format_criterion,
        "have_same_files": have_same_files,
        "title_metric": phrases.title_metric,
        "title_in": formatting.title_in_case,
        "describe_origin": describe_origin,
        "rates": phrases.RATES,
        "selections": phrases.SELECTIONS,
        "bases": phrases.BASES,
        "version": version("seedwitness"),
    }
    return jinja


def _show_hidden(value: Any) -> Any:
    """Every text of a page, whoever wrote it, with its hidden characters spelled out."""
    is_plain = isinstance(value, str) and not isinstance(value, Markup)
    return formatting.make_visible(value) if is_plain else value


def render_page(template: str, **values: Any) -> str:
    """A page of a report by its template."""
    return render_template(make_jinja_environment(), template, SCRIPT, **values)


def render_template(
    jinja: Environment, template: str, script_name: str, images: str = "data:", **values: Any
) -> str:
    """A page by its template, with the script of this name.

    Its content security policy allows no request and no script but its own; ``images`` are the
    sources of images that it allows.
    """
    loader = jinja.loader
    assert loader is not None
    script = loader.get_source(jinja, script_name)[0]
    script_hash = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src {images}; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
    )
    return jinja.get_template(template).render(script=Markup(script), policy=policy, **values)


SECTIONS = {
    "summary": "Summary",
    "case": "Case, items, custody",
    "propositions": "Questions and propositions",
    "pictures": "Images",
    "findings": "Findings by question and prompt",
    "corpus": "Corpus match",
    "method": "Method and validation",
    "explanations": "Other explanations",
    "robustness": "Robustness, plot of scores",
    "work": "Denominators",
    "check": "Check it yourself",
    "identity": "Identity and versions",
}
"""The sections of the body in their order; a refused report ends with the findings."""

ANNEXES = {
    "seeds": "A. Seed scan",
    "prompts": "B. Prompts",
    "matches": "C. Matches",
    "likelihood": "D. Likelihood ratio",
    "detectors": "E. Detectors",
    "reach": "F. Reachability",
    "phrase": "G. Bits",
    "recipes": "H. Recipes",
    "plan": "I. Analysis plan",
    "hashes": "J. Hashes",
    "cost": "K. Cost",
}
LISTED_MATCHES = 10


def render_report(
    evidence: Evidence,
    source: TargetSource,
    title: str,
    folder: Path,
    sheet: SignedSheet | None = None,
) -> str:
    """The report; ``folder`` holds ``evidence.json`` and the images that it names."""
    metric, reference = evidence.plan.judge.metric, evidence.plan.judge.reference
    examined = [case for case in evidence.cases if case.checkpoint != reference]
    refused = all(is_refused(case) for case in evidence.cases)
    sections = list(SECTIONS.items())
    images = {name: folder / name for name in list_images(evidence, source)}
    if refused:
        sections = sections[: list(SECTIONS).index("findings") + 1]
    evidence_sha256 = sha256_file(folder / "evidence.json")
    return render_page(
        "report.html",
        evidence=evidence,
        evidence_sha256=evidence_sha256,
        report_id=make_report_id(evidence, evidence_sha256),
        title=title,
        case_number=sheet.sheet.case_number if sheet else None,
        sheet=sheet,
        sheet_sha256=sheet.sha256 if sheet else None,
        sheet_groups=list_groups(sheet.sheet if sheet else CaseSheet()),
        screen=make_first_screen(evidence),
        refused=refused,
        sections=sections,
        annexes=[] if refused else list(ANNEXES.items()),
        listed_matches=list_different(evidence.matches)[:LISTED_MATCHES],
        origins=ORIGINS,
        pictures=number_images({name: embed_image(path) for name, path in images.items()}),
        plots={
            case.checkpoint: _plot_case(case, case_source, metric, number)
            for number, (case, case_source) in enumerate(
                zip(evidence.cases, source.cases, strict=True), start=1
            )
        },
        codec_plot=_plot_codecs(evidence),
        settings_code=phrases.SETTINGS_CODE,
        codecs=formatting.CODECS,
        recipes={trial: _format_recipe(recipe) for trial, recipe in _list_recipes(evidence)},
        family=max((case.memorised.rank.family for case in examined), default=0),
    )


def list_different(matches: Sequence[Match]) -> list[Match]:
    """Matches of different records, by rank: several queries may find one record."""
    return list({(match.corpus_id, match.location): match for match in reversed(matches)}.values())[
        ::-1
    ]


def list_images(evidence: Evidence, source: TargetSource) -> dict[str, Path]:
    """The images that the evidence names: the path beside the page, and the file to copy."""
    images = {evidence.image: source.image}
    for match in evidence.matches:
        if match.image:
            images[match.image] = source.match_images[str(match.rank)]
    for case, case_source in zip(evidence.cases, source.cases, strict=True):
        for cited in case.cited:
            if cited.image:
                images[cited.image] = case_source.images[cited.trial]
            if cited.reference_image:
                images[cited.reference_image] = case_source.reference_images[cited.trial]
        control = case.closest_control
        for place in (control.image, control.regeneration) if control else ():
            if place:
                images[place] = case_source.control_images[Path(place).stem]
        for name, path in case.agreement.images.items():
            images[path] = case_source.map_images[name]
        if case.recovered and case_source.regenerated:
            images[case.recovered.image] = case_source.regenerated
        for rung in case.reach.rungs if case.reach else []:
            images[rung.image] = case_source.reach_images[Path(rung.image).stem]
    return images


def have_same_files(case: CaseEvidence, other: CaseEvidence) -> bool:
    """Whether codecs coded the target at the same size for both cases, so the files are equal."""
    return bool(case.codecs) and case.codecs[0].files == other.codecs[0].files


def _list_recipes(evidence: Evidence) -> list[tuple[str, Recipe]]:
    """The recipes that the page shows, by trial."""
    recipes = [(cited.trial, cited.recipe) for case in evidence.cases for cited in case.cited]
    regenerated = [case.generated.scan.regenerated for case in evidence.cases]
    return recipes + [(image.trial, image.recipe) for image in regenerated if image]


def _format_recipe(recipe: Recipe) -> str:
    return canonical_json(asdict(recipe)).decode()


def _plot_codecs(evidence: Evidence) -> Markup | None:
    """The plot of distortion against bits, by the first metric, of the concluded cases.

    It shows the cases that make images of the first one's size, at which the codecs coded the
    target. None where there are none, or no metric of distortion was scored.
    """
    from seedwitness.report import plots  # slow to import, and the overview has no plots

    concluded = [case for case in evidence.cases if case.memorised.finding != "inconclusive"]
    if not concluded or not concluded[0].codecs:
        return None
    files = concluded[0].codecs[0]
    return plots.plot_codecs(
        files.files,
        {
            case.checkpoint: case.pass_phrase
            for case in concluded
            if have_same_files(case, concluded[0])
        },
        phrases.title_metric(files.metric, files.label),
        files.higher_is_closer,
        evidence.plan.judge.reference,
    )


def _plot_case(
    case: CaseEvidence, source: CaseSource, metric: str, number: int
) -> Mapping[str, Any]:
    from seedwitness.report import plots

    criteria = case.memorised.copies.criteria
    metrics = list(dict.fromkeys([metric, *(criterion.metric for criterion in criteria)]))
    spread = {
        distribution.metric: plots.plot_scores(
            figures.group_scores(source, distribution.metric),
            phrases.title_metric(distribution.metric, distribution.label),
            distribution.higher_is_closer,
            [criterion for criterion in criteria if criterion.metric == distribution.metric],
            f"case-{number}-{place}",
        )
        for place, distribution in enumerate(case.distributions)
        if distribution.metric in metrics
    }
    curve, likelihood = figures.compute_curve(source, metric), case.memorised.likelihood
    return {
        "scores": {name: spread[name] for name in metrics},
        "cost": plots.plot_cost(curve, f"case-{number}-cost"),
        "tippett": likelihood and plots.plot_tippett(likelihood, f"case-{number}-tippett"),
    }
