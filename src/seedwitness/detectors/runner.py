"""Asks detectors of one picture and its prompt, a target's or a control's alike."""

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
from seedwitness.seeds.torch_cpu import noise

Alike = Callable[[Tensor, Tensor], Tensor]


def check_detectors(names: Sequence[str], alike: bool) -> None:
    """Raise ConfigError for a name that is not known, or one that needs a descriptor without it."""
    for name in names:
        if name not in DETECTORS:
            raise ConfigError(
                f"detectors.names: there is no `{name}`.{suggest_names(name, DETECTORS)}"
            )
        if DETECTORS[name].needs == "picture" and not alike:
            raise ConfigError(
                f"detectors.names: `{name}` compares pictures by a descriptor. Name `descriptor` "
                "in score.metrics, or leave it out."
            )


def run_detectors(
    loaded: LoadedCheckpoint,
    prompt: str,
    picture: Tensor,
    settings: DetectorSettings,
    search: SearchSettings,
    alike: Alike | None,
) -> list[dict[str, Any]]:
    """A row of ``records.DETECTED`` for each detector, by seeds 0 and following.

    ``picture`` is uint8 [3, height, width] at the size that a search makes; steps and guidance are
    a search's. Raises ConfigError as ``check`` does.
    """
    check_detectors(settings.names, alike is not None)
    shape = loaded.latent_shape(picture.shape[-1], picture.shape[-2])
    drawn = torch.stack([noise(seed, 0, shape, torch.float32) for seed in range(settings.seeds)])
    rows = []
    for name in settings.names:
        probe = Probe(
            loaded.pipeline,
            prompt,
            steps=search.steps,
            guidance=search.guidance,
            target=picture,
            alike=alike,
        )
        detector = DETECTORS[name]
        value = detector(probe, drawn)
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
