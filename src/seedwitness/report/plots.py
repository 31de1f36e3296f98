"""Plots of one case as inline SVG, at two widths, without scripts, fonts or requests.

The colours below are tokens: the page's style sheet replaces each in light, dark and print.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
import vl_convert
from markupsafe import Markup

from seedwitness.records.findings import CopyCriterion
from seedwitness.records.pass_phrase import CodedFile, PassPhrase
from seedwitness.report.figure_evidence import CONTROLS, LEARNED, REFERENCE, TRIALS
from seedwitness.report.finding_evidence import LikelihoodEvidence
from seedwitness.report.formatting import CODECS
from seedwitness.statistics.distances import distance_of, score_of

INK, PALE, LINE, BAND = "#1b1e25", "#565c69", "#d9dce3", "#c3cad6"
COLOURS = {TRIALS: "#1f4e8c", REFERENCE: "#8a5200", CONTROLS: "#5b6472"}
ROWS = {TRIALS: "trials", REFERENCE: "reference", CONTROLS: "controls"}
WIDTHS = {"wide": 640, "narrow": 300}
AXIS_TICKS = {"wide": 7, "narrow": 4}
MARKS = 300
"""Ticks a row at most: scores that fall on one tick's width are drawn once."""


def plot_scores(
    values: Mapping[str, pd.Series],
    title: str,
    higher_is_closer: bool,
    criteria: Sequence[CopyCriterion],
    name: str,
) -> Markup:
    """Every score as a tick, a row a group, the closest as a diamond, thresholds as dashed rules.

    ``values`` is what ``figures.group_scores`` gives; ``name`` keeps the SVG's identifiers apart.
    """
    everything = pd.concat(list(values.values()))
    step = float(everything.max() - everything.min()) / MARKS or 1.0
    ticks = pd.DataFrame(
        [
            {"row": ROWS[what], "score": score, "colour": COLOURS[what]}
            for what, scores in values.items()
            for score in scores.groupby((scores / step).round()).first()
        ]
    )
    best = pd.DataFrame(
        [
            {
                "row": ROWS[what],
                "score": score_of(
                    float(distance_of(scores, higher_is_closer).min()), higher_is_closer
                ),
                "colour": COLOURS[what],
            }
            for what, scores in values.items()
        ]
    )
    towards = "right" if higher_is_closer else "left"
    x = alt.X("score:Q", title=f"{title}; closer to the {towards}", scale=alt.Scale(zero=False))
    y = alt.Y(
        "row:N",
        title=None,
        sort=list(ROWS.values()),
        axis=alt.Axis(domain=False, ticks=False, labelPadding=8, minExtent=84),
    )
    colour = alt.Color("colour:N", scale=None)
    layers = [
        alt.Chart(ticks).mark_tick(thickness=1.5, opacity=0.7, height=22).encode(x, y, colour),
        alt.Chart(best)
        .mark_point(shape="diamond", filled=True, size=90, opacity=1)
        .encode(x, y, colour),
    ]
    if criteria:
        rules = pd.DataFrame({"score": [criterion.threshold for criterion in criteria]})
        layers.append(
            alt.Chart(rules).mark_rule(color=INK, strokeDash=[5, 4]).encode(x=alt.X("score:Q"))
        )
    return _draw_both_widths(alt.layer(*layers), 40 * len(values), name)


def plot_cost(curve: pd.DataFrame, name: str) -> Markup:
    """The closest score so far against NFE; the controls' median dashed, their range as a band."""
    x = alt.X("nfe:Q", title="evaluations of the denoiser (NFE)")
    layers = []
    controls = curve.dropna(subset=["controls_median"])
    if len(controls):
        base = alt.Chart(controls).encode(x)
        layers += [
            base.mark_area(color=BAND, opacity=0.6, interpolate="step-after").encode(
                alt.Y("controls_closest:Q", title=None, scale=alt.Scale(zero=False)),
                alt.Y2("controls_farthest:Q"),
            ),
            base.mark_line(
                color=COLOURS[CONTROLS], strokeDash=[5, 4], interpolate="step-after"
            ).encode(alt.Y("controls_median:Q", title=None)),
        ]
    target = alt.Chart(curve).encode(x, alt.Y("closest:Q", title=None, scale=alt.Scale(zero=False)))
    layers += [
        target.mark_line(color=COLOURS[TRIALS], strokeWidth=2, interpolate="step-after"),
        target.mark_point(color=COLOURS[TRIALS], filled=True, size=26, opacity=1),
    ]
    return _draw_both_widths(alt.layer(*layers), 220, name)


def plot_tippett(likelihood: LikelihoodEvidence, name: str) -> Markup:
    """Share of likelihood ratios at or above a value, under H1 and under H2; the case's as a rule.

    After C. F. Tippett et al. 1968 as Evett & Buckleton 1996 draw it.
    """
    ratios = {LEARNED: likelihood.learned_ratios, CONTROLS: likelihood.controls_ratios}
    rows = []
    for what, values in ratios.items():
        logs = np.sort(np.log10(np.array(values)))
        shares = 1 - np.arange(len(logs)) / len(logs)
        rows += [
            {"log": float(log), "share": float(share), "what": what}
            for log, share in zip(logs, shares, strict=True)
        ]
    table = pd.DataFrame(rows)
    colours = [{LEARNED: COLOURS[TRIALS], CONTROLS: COLOURS[CONTROLS]}[group] for group in ratios]
    ends = table.loc[table.groupby("what")["log"].idxmin()]
    x = alt.X("log:Q", title="log10 of the likelihood ratio")
    y = alt.Y("share:Q", title="share at or above", scale=alt.Scale(domain=[0, 1.1]))
    colour = alt.Color("what:N", legend=None, scale=alt.Scale(domain=list(ratios), range=colours))
    layers = [
        alt.Chart(table).mark_line(interpolate="step-before", strokeWidth=2).encode(x, y, colour),
        alt.Chart(ends)
        .mark_text(align="left", dy=-9, fontSize=13)
        .encode(x, y, colour, text="what:N"),
        alt.Chart(pd.DataFrame({"log": [float(np.log10(likelihood.ratio))]}))
        .mark_rule(color=INK, strokeDash=[5, 4])
        .encode(x),
    ]
    return _draw_both_widths(alt.layer(*layers), 200, name)


def plot_codecs(
    files: Sequence[CodedFile],
    phrases: Mapping[str, PassPhrase],
    title: str,
    higher_is_closer: bool,
    reference: str,
) -> Markup:
    """Distortion against bits: image codecs as lines, each checkpoint's pass phrase as a point.

    ``phrases`` is by checkpoint. A filled circle is a phrase that gives a copy, with the interval
    of its bits; a hollow triangle is the lower bound where no blind seed gave a copy.
    """
    lines = pd.DataFrame(
        [
            {"codec": CODECS[file.codec], "bits": 8 * file.bytes, "score": file.score}
            for file in files
        ]
    )
    points = pd.DataFrame(
        [
            {
                "name": name if phrase.bits is not None else f"{name}: no copy from blind seeds",
                "bits": phrase.low if phrase.bits is None else phrase.bits,
                "low": phrase.low,
                "high": phrase.low if phrase.high is None else phrase.high,
                "score": phrase.comparisons[0].score,
                "copied": phrase.bits is not None,
                "colour": COLOURS[REFERENCE if name == reference else TRIALS],
            }
            for name, phrase in phrases.items()
        ]
    )
    x = alt.X("bits:Q", title="bits, on a logarithmic scale", scale=alt.Scale(type="log", base=2))
    towards = "up" if higher_is_closer else "down"
    y = alt.Y("score:Q", title=f"{title}; closer is {towards}", scale=alt.Scale(zero=False))
    colour = alt.Color("colour:N", scale=None)
    ends = lines.loc[lines.groupby("codec")["bits"].idxmin()]
    base = alt.Chart(points).encode(x, y, colour)
    layers = [
        alt.Chart(lines)
        .mark_line(color=PALE, point={"color": PALE, "size": 18})
        .encode(x, y, alt.StrokeDash("codec:N", legend=None)),
        alt.Chart(ends)
        .mark_text(color=PALE, align="right", dx=-6, dy=-4, fontSize=13)
        .encode(x, y, text="codec:N"),
        base.mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q")),
        base.transform_filter("datum.copied").mark_point(filled=True, size=90, opacity=1),
        base.transform_filter("!datum.copied").mark_point(shape="triangle-right", size=90),
        *(
            alt.Chart(points[number : number + 1])
            .mark_text(align="left", dx=9, dy=-9 - 17 * below, fontSize=13)
            .encode(x, y, colour, text="name:N")
            for number, below in enumerate(_count_overlapping_names(points, lines))
        ),
    ]
    return _draw_both_widths(alt.layer(*layers), 280, "codecs")


def _count_overlapping_names(points: pd.DataFrame, lines: pd.DataFrame) -> list[int]:
    """For each point, how many earlier points lie so near that their names would overlap."""
    heights = pd.concat([points["score"], lines["score"]])
    near = 0.1 * float(heights.max() - heights.min())
    bits, scores = np.log2(points["bits"].to_numpy(float)), points["score"].to_numpy(float)
    beside = np.abs(bits[:, None] - bits) < 1
    beside &= np.abs(scores[:, None] - scores) <= near
    return [int(number) for number in np.tril(beside, -1).sum(axis=1)]


def _draw_both_widths(chart: alt.LayerChart | alt.FacetChart, height: int, name: str) -> Markup:
    """The chart at both widths; the style sheet shows the one that fits the page."""
    return Markup("").join(
        Markup('<div class="{}">{}</div>').format(
            size,
            _draw_svg(
                chart.properties(width=width, height=height), f"{name}-{size}", AXIS_TICKS[size]
            ),
        )
        for size, width in WIDTHS.items()
    )


def _draw_svg(chart: alt.LayerChart | alt.FacetChart, name: str, ticks: int) -> Markup:
    labels = {"labelColor": INK, "titleColor": PALE, "labelFontSize": 13, "titleFontSize": 13}
    drawn = chart.configure(
        aria=False,  # the figure around it has the text alternative
        background="transparent",
        font="sans-serif",
        view={"stroke": "transparent"},
        axis={
            **labels,
            "titleFontWeight": "normal",
            "gridColor": LINE,
            "domainColor": LINE,
            "tickColor": LINE,
            "tickCount": ticks,
        },
    )
    svg = vl_convert.vegalite_to_svg(drawn.to_dict(validate=False))
    # Several stand in one page: without this the clip of the first would clip them all.
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg, count=1)
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))
