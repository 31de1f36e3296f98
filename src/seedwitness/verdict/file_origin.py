"""One answer for a file on a checkpoint: seen in training, made by it, both, or neither."""

from __future__ import annotations

from seedwitness.records.findings import FileOrigin, MemorisedFinding, Verdict
from seedwitness.records.reasons import Reason


def decide_origin(
    memorised: MemorisedFinding, generated: Verdict, provenance: Reason | None
) -> FileOrigin:
    """Which of the two the findings support.

    A checkpoint's own output comes back as learned pictures do, so that *made* alone is the answer
    where a seed gives the file, whatever its rank. It is *both* where in addition the file is
    stated to be older than the checkpoint, and rank, copy and gain all hold: then the checkpoint
    made a file that shows a picture from before it. *Neither* says that nothing was shown, and not
    that nothing happened.
    """
    if generated == "supported":
        gain = memorised.gain
        holds = (
            memorised.rank.is_significant
            and memorised.copies.ranked > 0
            and gain is not None
            and gain.rank.is_significant
        )
        return "both" if holds and provenance is not None else "made"
    return "seen" if memorised.finding == "supported" else "neither"
