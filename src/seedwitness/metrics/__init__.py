"""Metrics of the similarity of two pictures, or of a picture and a text: one file per metric.

Each file has the pure maths first, then functions from pictures to scores. Pictures are uint8
tensors [n, 3, height, width]; scores are float32 on the CPU. A score is independent of the rest of
its batch, except in the last bits of float32 (within 1e-5 for embeddings and distances).
"""

from __future__ import annotations

from dataclasses import dataclass

LAB_WEIGHTS = "lab weights"
PUBLISHED_WEIGHTS = "published weights"
UNVERIFIED_WEIGHTS = "weights as given"
"""Label of a file whose origin cannot be verified: the configuration states it."""
NO_WEIGHTS = "no weights"


@dataclass(frozen=True)
class MetricInfo:
    """What a reader needs to interpret a metric's scores; it is stored with them.

    ``lowest`` and ``highest`` bound the scores (``highest`` None: no bound); ``copy_threshold`` is
    the score from which the literature speaks of a copy, None if it gives none for these weights;
    ``label`` states the origin of the weights.
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
        """The name as outputs print it, with the label if the lab's weights are used."""
        return f"{self.name} ({self.label})" if self.label == LAB_WEIGHTS else self.name
