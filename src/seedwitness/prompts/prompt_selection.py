"""The final list of prompts that a search uses, from what was recovered and what was looked up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seedwitness.records.tables import PROMPTS, typed_frame

if TYPE_CHECKING:
    import pandas as pd


def candidates(prompts: pd.DataFrame, matches: pd.DataFrame, limit: int) -> pd.DataFrame:
    """At most ``limit`` prompts, as PROMPTS, ranked anew: captions first, then the others.

    ``prompts`` are PROMPTS, ``matches`` MATCHES. The captions of image matches, in rank order, take
    at most the larger half of the places, so that other sources get their share; then come
    ``prompts`` in rank order; captions fill what is left. Each text once: its first place in this
    order, and the source it has there, count. A blank caption is no prompt.
    """
    captions = list(_captions(matches))
    half = -(-limit // 2)
    others: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()}
        for row in prompts.sort_values("rank", kind="stable").to_dict("records")
    ]
    chosen: dict[str, dict[str, Any]] = {}
    for row in [*captions[:half], *others, *captions[half:]]:
        if len(chosen) < limit:
            chosen.setdefault(row["text"], row)
    ranked = [{**row, "rank": rank} for rank, row in enumerate(chosen.values(), start=1)]
    return typed_frame(ranked, PROMPTS)


def _captions(matches: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Distinct captions of image matches, as rows of PROMPTS but for the rank."""
    seen: set[str] = set()
    images = matches[matches["modality"] == "image"].sort_values("rank", kind="stable")
    for match in images.to_dict("records"):
        text = str(match["caption"])
        if text in seen or not text.strip():
            continue
        seen.add(text)
        yield {
            "text": text,
            "source": "corpus",
            "method": "lookup",
            "score": match["caption_score"],
            "tokens": match["caption_tokens"],
            "bits": match["caption_bits"],
        }
