"""What a search of tables without an index found."""

from __future__ import annotations

from pydantic import Field

from seedwitness.records.document import Document


class TableMatch(Document):
    """One row of a table that matches, and by what."""

    file: str
    row: int
    by: list[str]
    caption: str
    url: str
    is_whole_caption: bool = False
    phash_distance: int | None = None


class TableAnswer(Document):
    """What a search of tables found, and how much of them it searched."""

    matches: list[TableMatch]
    """The best of them: whole captions and hashes first."""
    total: int
    """All rows that match."""
    totals: dict[str, int]
    """All rows that match, by what: ``caption``, ``whole caption``, ``url``, ``md5``, …"""
    rows: int
    """The rows of all tables that can be read."""
    rows_searched: int
    files: int
    files_searched: int
    unreadable: dict[str, str] = Field(default_factory=dict)
    """The files that could not be read, and why: their rows are not known."""
    not_applicable: list[str] = Field(default_factory=list)
    """What was asked for, and no table has a column for."""
    rows_without_column: dict[str, int] = Field(default_factory=dict)
    """Rows searched that could not answer a question, because their table lacks its column."""
    seconds: float

    @property
    def share(self) -> float | None:
        """The share of the rows that was searched; None if a file's number of rows is unknown."""
        return None if self.unreadable else self.rows_searched / self.rows if self.rows else 0.0
