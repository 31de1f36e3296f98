"""Select the prompts of a search from the recovered prompts and the captions of matches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seedwitness.records.tables import PROMPTS, make_typed_frame

if TYPE_CHECKING:
    import pandas as pd


def select_prompts(prompts: pd.DataFrame, matches: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Select at most ``limit`` prompts, as a newly ranked PROMPTS: captions first, then others.

    ``prompts`` are PROMPTS, ``matches`` MATCHES. The captions of image matches, in rank order, take
    at most the larger half of the places, so that other sources get their share; then come
    ``prompts`` in rank order; further captions fill the rest. Each text appears once, at its first
    place in this order and with the source it has there. Blank captions are skipped.
    """
    captions = list(_list_captions(matches))
    caption_share = -(-limit // 2)
    others: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()}
        for row in prompts.sort_values("rank", kind="stable").to_dict("records")
    ]
    row_by_text: dict[str, dict[str, Any]] = {}
    for row in [*captions[:caption_share], *others, *captions[caption_share:]]:
        if len(row_by_text) < limit:
            row_by_text.setdefault(row["text"], row)
    ranked = [{**row, "rank": rank} for rank, row in enumerate(row_by_text.values(), start=1)]
    return make_typed_frame(ranked, PROMPTS)


def _list_captions(matches: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """List the distinct captions of image matches, as rows of PROMPTS without a rank."""
    texts: set[str] = set()
    image_matches = matches[matches["modality"] == "image"].sort_values("rank", kind="stable")
    for match in image_matches.to_dict("records"):
        text = str(match["caption"])
        if text in texts or not text.strip():
            continue
        texts.add(text)
        yield {
            "text": text,
            "source": "corpus",
            "method": "lookup",
            "score": match["caption_score"],
            "tokens": match["caption_tokens"],
            "bits": match["caption_bits"],
        }
