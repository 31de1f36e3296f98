"""Run detectors on one picture and its prompt, in the same way for targets and controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.reading import suggest_names
from seedwitness.config.steps import SearchSettings
from seedwitness.config.verdicts import DetectorSettings
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.probe import Probe
from seedwitness.errors import ConfigError
from seedwitness.runtime.devices import full_precision
from seedwitness.seeds.torch_cpu import draw_noise

SimilarityFunction = Callable[[Tensor, Tensor], Tensor]


def check_detectors(names: Sequence[str], has_similarity: bool) -> None:
    """Raise ConfigError for an unknown detector, or one whose descriptor is missing."""
    for name in names:
        if name not in DETECTORS:
            raise ConfigError(
                f"detectors.names: there is no detector `{name}`.{suggest_names(name, DETECTORS)}"
            )
        if DETECTORS[name].compares and not has_similarity:
            raise ConfigError(
                f"detectors.names: `{name}` compares pictures by a descriptor. Add `descriptor` "
                "to score.metrics, or remove the detector."
            )


@full_precision()
def run_detectors(
    loaded: LoadedCheckpoint,
    prompt: str,
    picture: Tensor,
    settings: DetectorSettings,
    search: SearchSettings,
    similarity: SimilarityFunction | None,
) -> list[dict[str, Any]]:
    """Run each detector with the first seeds from 0: rows of ``records.tables.DETECTED``.

    ``picture`` is uint8 [3, height, width] at the generated size; steps and guidance are those of
    the search. Raises ConfigError as ``check_detectors`` does.
    """
    check_detectors(settings.names, similarity is not None)
    shape = loaded.latent_shape(picture.shape[-1], picture.shape[-2])
    noises = torch.stack(
        [draw_noise(seed, 0, shape, torch.float32) for seed in range(settings.seeds)]
    )
    rows = []
    for name in settings.names:
        probe = Probe(
            loaded.pipeline,
            prompt,
            steps=search.steps,
            guidance=search.guidance,
            target=picture,
            similarity=similarity,
        )
        detector = DETECTORS[name]
        value = detector(probe, noises)
        rows.append(
            {
                "detector": name,
                "source": detector.source,
                "needs": detector.needs,
                "prompt": prompt,
                "seeds": settings.seeds,
                "value": value,
                "nfe": probe.nfe,
                "backward": probe.backward,
            }
        )
    return rows
