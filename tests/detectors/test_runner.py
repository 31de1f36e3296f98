"""Detectors run by name, as in a stage."""

import pytest
import torch
from searching import search

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.verdicts import DetectorSettings
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.probe import Probe
from seedwitness.detectors.runner import check_detectors, run_detectors
from seedwitness.errors import ConfigError
from seedwitness.seeds.torch_cpu import draw_noise

SEARCH = search()


def shown() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 32, 32), generator=generator, dtype=torch.uint8)


def similarity(pictures: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return -(pictures.float() - target.float()).abs().mean((1, 2, 3))


def test_a_row_has_the_value_and_the_cost_of_its_detector(tiny: LoadedCheckpoint) -> None:
    settings = DetectorSettings(names=["magnitude", "most-alike"], seeds=2)
    first, second = run_detectors(tiny, "a red fish", shown(), settings, SEARCH, similarity)
    shape = tiny.latent_shape(32, 32)
    drawn = torch.stack([draw_noise(seed, 0, shape, torch.float32) for seed in range(2)])
    probe = Probe(tiny.pipeline, "a red fish", steps=4, guidance=3.0)
    assert first["value"] == pytest.approx(DETECTORS["magnitude"](probe, drawn), rel=1e-5)
    assert (first["nfe"], first["backward"], first["needs"]) == (2 * 4 * 2, 0, "prompt")
    assert (second["detector"], second["needs"]) == ("most-alike", "picture")


def test_unknown_names_and_missing_descriptors_are_reported() -> None:
    with pytest.raises(ConfigError, match=r"there is no detector `magnitud`.*magnitude"):
        check_detectors(["magnitud"], True)
    with pytest.raises(ConfigError, match="`most-alike` compares pictures by a descriptor"):
        check_detectors(["most-alike"], False)
    check_detectors(list(DETECTORS), True)
