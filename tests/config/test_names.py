"""Names in settings: those that the rooms above define, refused when they are composed."""

from pathlib import Path

import pytest
import yaml

from seedwitness.config import names
from seedwitness.config.params import Params, require_enough_controls
from seedwitness.config.reading import validate
from seedwitness.config.steps import ScanSettings
from seedwitness.detectors import DETECTORS
from seedwitness.engine.schedulers import SAMPLERS, SAMPLERS_WITH_ETA
from seedwitness.errors import ConfigError
from seedwitness.imaging.alignment import RESIZE_RULES
from seedwitness.metrics.scoring import WEIGHTED_METRICS, WEIGHTLESS_METRICS
from seedwitness.prompts import METHODS
from seedwitness.search import DISTANCES, STRATEGIES
from seedwitness.seeds import RNG_ALGORITHMS
from seedwitness.seedscan.cascade import KERNELS

ROOT = Path(__file__).parents[2]


def test_the_names_are_those_of_the_rooms() -> None:
    assert set(names.SAMPLERS) == set(SAMPLERS)
    assert set(names.SAMPLERS_WITH_ETA) == set(SAMPLERS_WITH_ETA)
    assert set(names.RNG_ALGORITHMS) == set(RNG_ALGORITHMS)
    assert set(names.SCANNED_RNG_ALGORITHMS) == set(KERNELS)
    assert set(names.STRATEGIES) == set(STRATEGIES)
    assert set(names.LATENT_DISTANCES) == set(DISTANCES)
    assert set(names.RESIZE_RULES) == set(RESIZE_RULES)
    assert set(names.RECOVERY_METHODS) == set(METHODS)
    assert set(names.DETECTORS) == set(DETECTORS)
    assert set(names.METRICS_WITH_WEIGHTS) == set(WEIGHTED_METRICS)
    assert set(names.METRICS) == {*WEIGHTED_METRICS, *WEIGHTLESS_METRICS}


def test_a_scan_outside_of_a_project_has_the_settings_of_the_quick_one() -> None:
    quick = yaml.safe_load((ROOT / "conf/scan/quick.yaml").read_text())
    assert validate(ScanSettings, quick, "scan") == ScanSettings()


def test_noise_within_steps_needs_a_sampler_that_draws_it() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["search"] |= {"eta": 0.5, "sampler": "ddim"}
    validate(Params, params, "params.yaml")
    params["search"]["sampler"] = "euler"
    with pytest.raises(ConfigError, match="the sampler euler draws no noise within its steps"):
        validate(Params, params, "params.yaml")


@pytest.mark.parametrize(
    ("section", "values", "needed"),
    [
        ("controls", {"count": 98}, 99),
        ("judge", {"alpha": 0.001}, 999),
        ("judge", {"alpha": 0.05, "min_controls": 150}, 150),
    ],
)
def test_too_few_controls_are_refused(section: str, values: dict[str, object], needed: int) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    require_enough_controls(validate(Params, params, "params.yaml"))
    params[section] |= values
    params["controls"]["count"] = min(params["controls"]["count"], needed - 1)
    with pytest.raises(ConfigError, match=f"no finding can be supported.*count={needed}"):
        require_enough_controls(validate(Params, params, "params.yaml"))
    params["controls"]["count"] = needed
    require_enough_controls(validate(Params, params, "params.yaml"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("search.sampler", "eular", r"there is no sampler `eular`. Did you mean `euler`\?"),
        ("search.rng", "torch", "there is no RNG algorithm `torch`"),
        ("search.strategy.name", "sweeep", "there is no strategy"),
        ("search.resize", "strech", "there is no rule"),
        ("search.distance", "latent", "there is no latent distance"),
        ("search.budget_nfe", 3, "3 evaluations do not pay for one trial, which costs"),
        ("scan.rng_algorithms", ["torch-cuda"], "no RNG algorithm that can be scanned"),
        ("scan.recipe_fit.samplers", ["ddmi"], "there is no sampler"),
        ("recover.methods", ["users"], "there is no recovery method"),
        ("detectors.names", ["one-stp"], "there is no detector"),
        ("score.metrics", ["lpisp"], "there is no metric"),
        ("judge.metric", "descripter", "there is no metric"),
    ],
)
def test_what_no_stage_could_run_is_refused_at_once(key: str, value: object, message: str) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    *sections, name = key.split(".")
    section = params
    for each in sections:
        section = section[each]
    section[name] = value
    with pytest.raises(ConfigError, match=message):
        validate(Params, params, "params.yaml")
