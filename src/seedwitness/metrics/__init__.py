"""Metrics: how like two pictures are, or a picture and a text. One file a metric.

Each file has the pure maths first, then pictures to scores. Pictures are uint8 tensors
[n, 3, height, width]; scores are float32 on the CPU. A score never depends on which others were in
its batch, but for the last bits of float32 (within 1e-5 for embeddings and distances).
"""

from __future__ import annotations

from dataclasses import dataclass

LAB_WEIGHTS = "lab weights"
PUBLISHED_WEIGHTS = "published weights"
GIVEN_WEIGHTS = "weights as given"
"""Of a file that nothing here can tell from another: whose it is says whoever named it."""
NO_WEIGHTS = "no weights"


@dataclass(frozen=True)
class MetricInfo:
    """What has to be known of a metric to read its scores; it travels with them.

    ``lowest`` and ``highest`` bound the scores (``highest`` None: no bound); ``copy_threshold`` is
    where the literature begins to say "copy", None where it says nothing of these weights;
    ``label`` says whose weights they are.
    """

    name: str
    version: str
    label: str
    weights_sha256: str | None
    higher_is_closer: bool
    lowest: float
    highest: float | None
    copy_threshold: float | None
    source: str

    @property
    def title(self) -> str:
        """The name as outputs print it: whose weights stand in for the published ones is in it."""
        return f"{self.name} ({self.label})" if self.label == LAB_WEIGHTS else self.name
