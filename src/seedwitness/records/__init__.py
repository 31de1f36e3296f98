"""What the stages hand to one another: recipes, rows of tables, and documents, typed.

Tables and documents are written whole, hold nothing that differs from run to run (no time, no
machine), and so have the same bytes for the same inputs and versions.
"""

from seedwitness.records.document import Document, read
from seedwitness.records.documents import (
    Checkpoint,
    Claim,
    Component,
    Corpus,
    Information,
    Query,
    Recovery,
    Replay,
    Search,
    Source,
    Target,
)
from seedwitness.records.findings import (
    Case,
    Copies,
    Criterion,
    Finding,
    Generated,
    Memorised,
    Paired,
    Rank,
    Rate,
    Statistic,
)
from seedwitness.records.recipe import (
    Recipe,
    canonical,
    digest,
)
from seedwitness.records.scanning import (
    Inversion,
    Regenerated,
    Scan,
    ScannedSeed,
)
from seedwitness.records.tables import (
    CONTROLS,
    INTEGER,
    MATCHES,
    PROMPTS,
    REAL,
    SCORES,
    TEXT,
    TRIALS,
    Columns,
    frame,
    read_table,
    write_table,
)

__all__ = [
    "CONTROLS",
    "INTEGER",
    "MATCHES",
    "PROMPTS",
    "REAL",
    "SCORES",
    "TEXT",
    "TRIALS",
    "Case",
    "Checkpoint",
    "Claim",
    "Columns",
    "Component",
    "Copies",
    "Corpus",
    "Criterion",
    "Document",
    "Finding",
    "Generated",
    "Information",
    "Inversion",
    "Memorised",
    "Paired",
    "Query",
    "Rank",
    "Rate",
    "Recipe",
    "Recovery",
    "Regenerated",
    "Replay",
    "Scan",
    "ScannedSeed",
    "Search",
    "Source",
    "Statistic",
    "Target",
    "canonical",
    "digest",
    "frame",
    "read",
    "read_table",
    "write_table",
]
