"""A target's candidate prompts, as `recover` and `lookup` wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedwitness.prompts.prompt_selection import select_prompts
from seedwitness.records.document import read_document
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.tables import MATCHES, PROMPTS, read_table
from seedwitness.stages import output_path

if TYPE_CHECKING:
    import pandas as pd

    from seedwitness.prompts.classes import PictureTexts


def load_prompts(target: str, limit: int) -> pd.DataFrame:
    """At most ``limit`` candidates of a target, as PROMPTS: from recovery and lookup."""
    return select_prompts(
        read_table(output_path("recover", target) / "prompts.parquet", PROMPTS),
        read_table(output_path("lookup", target) / "matches.parquet", MATCHES),
        limit,
    )


def load_phrases(target: str) -> list[str]:
    """The phrases closest to a target, which methods on a checkpoint draw from."""
    return read_document(PromptRecovery, output_path("recover", target) / "recover.json").shortlist


def load_texts(target: str, checkpoint: str) -> PictureTexts:
    """The caption of a target, and the first prompt that was recovered for it and searched.

    The caption is what the user states, else that of the corpus's record that shows the target's
    own picture by PDQ.
    """
    from seedwitness.config.targets import load_target
    from seedwitness.imaging.perceptual_fingerprint import MAX_PDQ_DISTANCE
    from seedwitness.prompts.classes import PictureTexts

    matches = read_table(output_path("lookup", target) / "matches.parquet", MATCHES)
    own = matches[(matches["modality"] == "image") & (matches["pdq_distance"] <= MAX_PDQ_DISTANCE)]
    captions = [load_target(target).caption, *own.sort_values("rank")["caption"]]
    searched = read_table(output_path("search", target, checkpoint) / "prompts.parquet", PROMPTS)
    recovered = read_table(output_path("recover", target) / "prompts.parquet", PROMPTS)
    texts = [
        text
        for table in (searched, recovered)
        for text in table.loc[table["source"] == "recovered", "text"]
    ]
    return PictureTexts(
        next((text for text in captions if text and text.strip()), None), next(iter(texts), None)
    )
