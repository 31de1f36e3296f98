"""Tables: parquet files whose columns are declared here."""

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
    "modality": TEXT,  # image or text: what was asked with
    "query": TEXT,  # the prompt asked with; empty where the image was
    "similarity": REAL,
    "phash_distance": INTEGER,
    "pdq_distance": INTEGER,
    "pdq_quality": INTEGER,
    "caption": TEXT,
    "location": TEXT,
    "corpus_id": TEXT,
    "duplicates": INTEGER,  # near-duplicates of this match in the corpus, itself included
    # The caption as a candidate prompt: the same figures as in PROMPTS.
    "caption_score": REAL,
    "caption_tokens": INTEGER,
    "caption_bits": REAL,
}

TRIALS = {
    "trial": TEXT,  # Recipe.id
    "parent": TEXT,  # the trial that it varies, or carries on with more steps; or none
    "strategy": TEXT,  # that asked for it; or replay
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
    "shard": TEXT,  # file of the final latent: in the folder, or `.ledger/…` where it was not kept
    "row": INTEGER,  # its row in that file
}

SCORES = {
    "trial": TEXT,
    "metric": TEXT,
    "version": TEXT,
    "label": TEXT,
    "weights_sha256": TEXT,
    "higher_is_closer": "bool",
    "lowest": REAL,  # what the metric can give: infinite where it has no bound
    "highest": REAL,
    "alignment": TEXT,  # the position of the target in which it is closest
    "score": REAL,
}

REACH = {
    "rung": TEXT,  # round trip, gradient, image to image, or words alone
    "strength": REAL,  # of image to image; the share of words that is left; 0 elsewhere
    "seed": INTEGER,
    "prompt": TEXT,  # of image to image, and of words alone
    **{name: kind for name, kind in SCORES.items() if name != "trial"},
}

CODECS = {
    "codec": TEXT,
    "reduction": INTEGER,  # by what the target was made smaller before
    "quality": INTEGER,
    "bytes": INTEGER,  # of the whole file
    **{name: kind for name, kind in SCORES.items() if name != "trial"},
}

CONTROL_REACH = {"control": TEXT, "pixels_sha256": TEXT, **REACH}

DETECTIONS = {
    "detector": TEXT,
    "source": TEXT,
    "needs": TEXT,  # prompt, or picture too
    "prompt": TEXT,
    "seeds": INTEGER,
    "value": REAL,  # higher is more memorised
    "nfe": INTEGER,
    "backward": INTEGER,  # passes back through the denoiser, beside NFE
}

CONTROL_DETECTIONS = {"control": TEXT, "pixels_sha256": TEXT, **DETECTIONS}

CONTROL_SCORES = {
    "control": TEXT,
    "pixels_sha256": TEXT,
    "pdq": TEXT,
    "pdq_quality": INTEGER,
    "thumbnail": TEXT,
    "caption": TEXT,
    "corpus_match": TEXT,  # where the corpus holds this picture, or empty
    **SCORES,
}

Columns = Mapping[str, str]


def typed_frame(rows: Any, columns: Columns) -> pd.DataFrame:
    """Rows (mappings, or a DataFrame) as a table with exactly ``columns``, in their order."""
    import pandas as pd

    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=list(columns))
    if set(table.columns) != set(columns):
        odd = sorted(set(table.columns) ^ set(columns))
        raise RecordError(f"A table must have the columns {', '.join(columns)}; {odd} differ.")
    return table[list(columns)].astype(dict(columns)).reset_index(drop=True)


def write_table(path: Path, rows: Any, columns: Columns) -> None:
    """Write a table as parquet, whole."""
    table = typed_frame(rows, columns)
    with replace_whole(path) as part:
        table.to_parquet(part, index=False)


def read_table(path: Path, columns: Columns) -> pd.DataFrame:
    """A table from parquet. Raises RecordError where it is missing or has other columns."""
    import pandas as pd

    if not path.exists():
        raise RecordError(f"{path} is missing. `dvc repro` runs the stage that writes it.")
    table = pd.read_parquet(path)
    if list(table.columns) != list(columns):
        raise RecordError(
            f"{path} was written by another version: it has the columns "
            f"{', '.join(table.columns)}. Run its stage again: `dvc repro -s -f STAGE`."
        )
    return typed_frame(table, columns)
