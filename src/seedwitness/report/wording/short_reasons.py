"""The decisive reason of a finding in a few words, for tables of many findings."""

from __future__ import annotations

from seedwitness.errors import RecordError

SHORT_REASONS = {
    "rank-at-most-alpha": "closer than the controls",
    "rank-above-alpha": "controls as close",
    "copies-counted": "copies counted",
    "close-but-no-copy": "close, but no copy",
    "copies-but-controls-close": "copies, but controls as close",
    "too-few-controls": "too few controls",
    "case-is-reference": "it is the reference",
    "reference-no-blind-trials": "no blind trials",
    "reference-gain-above-alpha": "controls gain as much",
    "reference-copies-too": "reference copies too",
    "own-output-not-excluded": "its own output is not excluded",
    "reference-ranks-close": "reference ranks close too",
    "target-flat": "target too flat",
    "blank-sheet-is-copy": "a blank sheet would be a copy",
    "target-among-controls": "target among the controls",
    "target-generated": "target is its own output",
    "reference-same-weights": "reference has the same weights",
    "score-out-of-range": "score out of range",
    "duplicate-images": "duplicate controls",
    "control-also-learned": "a control was learned",
    "controls-in-corpus": "controls in the corpus",
    "target-too-large": "target too large to scan",
    "size-not-made": "size that it cannot make",
    "size-only-placed": "size that it cannot make",
    "no-seed-candidate": "no seed found",
    "no-seed-recovered": "no seed found",
    "seed-recovered": "seed found",
    "recipe-identical": "every pixel equal",
    "recipe-reproduces": "recipe gives it back",
    "recipe-not-found": "seed found, no recipe",
    "claimed-seed-recovered": "claimed seed found",
    "claimed-seed-absent": "claimed seed absent",
}
"""By reason code."""


def shorten_reason(code: str) -> str:
    """The words of a code. Raises RecordError for one that is not decisive for any finding."""
    if code not in SHORT_REASONS:
        known = ", ".join(sorted(SHORT_REASONS))
        raise RecordError(f"There are no short words for the code `{code}`. Known are: {known}.")
    return SHORT_REASONS[code]
