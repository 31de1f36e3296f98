"""Tables: parquet files, with the columns that are declared here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.errors import RecordError
from seedwitness.records.recipe import Recipe
from seedwitness.runtime.files import replace_whole

if TYPE_CHECKING:
    import pandas as pd

TEXT, INTEGER, REAL = "string", "int64", "float64"
MAYBE_INTEGER = "Int64"
"""A whole number, or missing."""

PROMPTS = {
    "rank": INTEGER,
    "text": TEXT,
    "source": TEXT,  # one of Source
    "method": TEXT,
    "score": REAL,  # cosine of text and target by CLIP
    "tokens": INTEGER,
    "bits": REAL,
}

MATCHES = {
    "rank": INTEGER,
    "modality": TEXT,  # image or text: the kind of the query
    "query": TEXT,  # the prompt of a text query; empty for an image query
    "similarity": REAL,
    # Missing if the corpus has no picture of this row.
    "phash_distance": MAYBE_INTEGER,
    "pdq_distance": MAYBE_INTEGER,
    "pdq_quality": MAYBE_INTEGER,
    "descriptor": REAL,  # cosine of copy descriptors; NaN without one
    "copy_by": TEXT,  # what shows that the row is a copy of the target; empty if nothing does
    "caption": TEXT,
    "location": TEXT,
    "url": TEXT,
    "corpus_id": TEXT,
    "duplicates": INTEGER,  # near-duplicates of this match in the corpus, including itself
    "copies": INTEGER,  # copies of this match by PDQ or descriptor, including itself
    # The caption as a candidate prompt: the same figures as in PROMPTS.
    "caption_score": REAL,
    "caption_tokens": INTEGER,
    "caption_bits": REAL,
}

TRIALS = {
    "trial": TEXT,  # Recipe.id
    "parent": TEXT,  # the trial that it varies or continues with more steps; empty if none
    "strategy": TEXT,  # the strategy that tried it, or replay
    "prompt_rank": INTEGER,
    "prompt_source": TEXT,
    **{
        name: {"int": INTEGER, "float": REAL, "str": TEXT}[str(kind)]
        for name, kind in Recipe.__annotations__.items()
    },
    "nfe": INTEGER,
    "noise_sha256": TEXT,
    "latent_sha256": TEXT,
    "latent_distance": REAL,  # by which the search ranked trials; lower is closer
    "shard": TEXT,  # file of the final latent: in the folder, or `.ledger/…` if not saved there
    "row": INTEGER,  # its row in that file
}

SCORES = {
    "trial": TEXT,
    "metric": TEXT,
    "version": TEXT,
    "label": TEXT,
    "weights_sha256": TEXT,
    "higher_is_closer": "bool",
    "lowest": REAL,  # range of the metric; infinite if it has no bound
    "highest": REAL,
    "alignment": TEXT,  # the closest alignment of the target
    "score": REAL,
}

CLASS_RUNG, LEVEL_RUNG = "class: ", "words: "
"""How rungs of prompt classes, and of levels of the specificity ladder, begin in REACH."""

REACH = {
    "rung": TEXT,  # round trip, gradient, image to image, words alone, or of a prompt class
    "strength": REAL,  # of image to image, or the share of words kept; 0 on other rungs
    "seed": INTEGER,
    "prompt": TEXT,  # of image to image, and of words alone
    **{name: kind for name, kind in SCORES.items() if name != "trial"},
}

CODECS = {
    "codec": TEXT,
    "reduction": INTEGER,  # factor by which the target was reduced before
    "quality": INTEGER,
    "bytes": INTEGER,  # of the whole file
    **{name: kind for name, kind in SCORES.items() if name != "trial"},
}

CONTROL_REACH = {"control": TEXT, "pixels_sha256": TEXT, **REACH}

DETECTIONS = {
    "detector": TEXT,
    "source": TEXT,
    "needs": TEXT,  # prompt, or prompt and image
    "prompt": TEXT,
    "seeds": INTEGER,
    "value": REAL,  # higher is more memorised
    "nfe": INTEGER,
    "backward": INTEGER,  # backward passes through the denoiser, beside NFE
}

CONTROL_DETECTIONS = {"control": TEXT, "pixels_sha256": TEXT, **DETECTIONS}

CONTROL_SCORES = {
    "control": TEXT,
    "pixels_sha256": TEXT,
    "pdq": TEXT,
    "pdq_quality": INTEGER,
    "thumbnail": TEXT,
    "caption": TEXT,
    "corpus_match": TEXT,  # location of this image in the corpus, or empty
    **SCORES,
}

CONTROL_TRIALS = {
    "control": TEXT,
    "pixels_sha256": TEXT,
    "use": TEXT,  # control, or learned
    **TRIALS,
}

Columns = Mapping[str, str]


def make_typed_frame(rows: Any, columns: Columns) -> pd.DataFrame:
    """Convert rows (mappings, or a DataFrame) to a table of exactly ``columns``, in their order.

    Raises RecordError if the columns differ.
    """
    import pandas as pd

    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=list(columns))
    if set(table.columns) != set(columns):
        different = sorted(set(table.columns) ^ set(columns))
        raise RecordError(
            f"A table must have the columns {', '.join(columns)}; {different} differ."
        )
    return table[list(columns)].astype(dict(columns)).reset_index(drop=True)


def write_table(path: Path, rows: Any, columns: Columns) -> None:
    """Write a table as parquet, in one step."""
    table = make_typed_frame(rows, columns)
    with replace_whole(path) as part:
        table.to_parquet(part, index=False)


def read_table(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a table. Raises RecordError if the file is missing or has other columns."""
    import pandas as pd

    if not path.exists():
        raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
    table = pd.read_parquet(path)
    if list(table.columns) != list(columns):
        raise RecordError(
            f"{path} was written by another version: it has the columns "
            f"{', '.join(table.columns)}. Run its stage again: `dvc repro -s -f STAGE`."
        )
    return make_typed_frame(table, columns)
