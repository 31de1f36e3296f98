"""What a stage needs and does not find is named, with what mends it."""

from pathlib import Path

import pytest
import yaml
from settling import change

from seedwitness.errors import CheckpointError, ConfigError, PictureError, SeedwitnessError
from seedwitness.stages import run_stage


@pytest.mark.parametrize(
    ("section", "changed", "stage", "error", "says"),
    [
        ("controls", {"count": 7}, ["controls", "own"], PictureError, "has 6 images"),
        (
            "score",
            {"metrics": ["descriptor", "patch-l2", "lpisp"]},
            ["score", "owl", "own"],
            ConfigError,
            "`lpips`",
        ),
        ("score", {"weights": {}}, ["score", "owl", "own"], ConfigError, "for which score.weights"),
        (
            "score",
            {"weights": {"clip": "no/clip", "descriptor": "no/descriptor"}, "watch": "no"},
            ["materials"],
            CheckpointError,
            "there is no no/clip",
        ),
    ],
)
def test_what_is_missing_is_named(
    here: Path,
    section: str,
    changed: dict[str, object],
    stage: list[str],
    error: type[SeedwitnessError],
    says: str,
) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    before, corpus = params[section], params["corpus"]

    def tried() -> None:
        change(here, "corpus", descriptor=None)  # it lies beside the weights
        change(here, section, **changed)
        run_stage(stage[0], stage[1:])

    try:
        with pytest.raises(error, match=says):
            tried()
    finally:
        change(here, section, **before)
        change(here, "corpus", **corpus)
