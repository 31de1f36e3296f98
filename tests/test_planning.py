"""Plans: what they ask for is enough, however many targets and checkpoints there are."""

from pathlib import Path

import pytest
import yaml
from cases import CASE, SETTINGS

from seedwitness.evidence.conclusions import conclude
from seedwitness.evidence.examined import by_trial, compared, copies
from seedwitness.evidence.ranks import in_company, rank
from seedwitness.planning import plan

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("targets", [1, 3, 8])
@pytest.mark.parametrize("checkpoints", [1, 2, 3, 4, 8])
def test_what_beats_all_controls_is_supported_under_the_plan(
    targets: int, checkpoints: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name, count in (("targets", targets), ("checkpoints", checkpoints)):
        one = next(iter(params[name].values()))
        params[name] = {f"no-{k}": one for k in range(count)}
    params["judge"]["reference"], params["controls"]["known"] = "no-0", None
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    found = plan(0.01, 0.95, 0.01)
    others = max(0, checkpoints - 2)  # that are examined beside this one
    assert found.cases == targets * (others + 1)
    assert found.alpha_a_report == pytest.approx(0.01 / targets)
    settings = SETTINGS.model_copy(
        update={"alpha": found.alpha_a_report, "least_controls": found.controls}
    )
    wide = by_trial(CASE.scores)
    for controls, word in ((found.controls, "supported"), (found.controls - 1, "inconclusive")):
        alone = rank(0.9, [0.1] * controls, higher_is_closer=True, alpha=settings.alpha)
        said, _ = conclude(
            [],
            in_company(alone, [1.0] * others),
            copies(CASE, settings, wide),
            compared(CASE, settings, wide, higher=True),
            settings,
            reference=True,
        )
        assert said == word
