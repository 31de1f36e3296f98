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
