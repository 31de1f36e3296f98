"""Plans: their sample sizes are enough for any number of targets and checkpoints."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cases import CASE, SETTINGS
from PIL import Image
from target_images import write_image

from seedwitness.commands.plan import format_lines, make_plan
from seedwitness.errors import ConfigError
from seedwitness.statistics.ranks import adjust_in_family, rank_among_controls
from seedwitness.verdict.case_data import distances_by_trial
from seedwitness.verdict.conclusion import conclude
from seedwitness.verdict.copy_counts import count_copies, estimate_blind_rates
from seedwitness.verdict.reference_comparison import ReferenceComparison, compare_with_reference
from seedwitness.verdict.reference_gain import rank_gain

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("targets", [1, 3, 8])
@pytest.mark.parametrize("checkpoints", [1, 2, 3, 4, 8])
def test_a_target_closer_than_all_controls_is_supported_under_the_plan(
    targets: int, checkpoints: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    one = next(iter(params["checkpoints"].values()))
    params["checkpoints"] = {f"no-{k}": one for k in range(checkpoints)}
    for k in range(targets):
        write_image(tmp_path, f"no-{k}", Image.new("RGB", (8, 8), (k, 0, 0)))
    params["judge"]["reference"], params["controls"]["learned"] = "no-0", None
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    plan = make_plan(0.01, 0.95, 0.01)
    others = max(0, checkpoints - 2)  # checkpoints beside this one
    assert plan.cases == targets * (others + 1)
    assert plan.alpha_a_report == pytest.approx(0.01 / targets)
    settings = SETTINGS.model_copy(
        update={"alpha": plan.alpha_a_report, "min_controls": plan.controls}
    )
    distances = distances_by_trial(CASE.scores)
    measured = rank_gain(CASE, settings, distances)
    assert measured is not None
    for controls, word in ((plan.controls, "supported"), (plan.controls - 1, "inconclusive")):
        alone = rank_among_controls(-0.9, [-0.1] * controls, settings.alpha)
        rank = adjust_in_family(alone, [1.0] * others)
        gain = measured.model_copy(update={"rank": rank})
        verdict, _ = conclude(
            [],
            rank,
            count_copies(CASE, settings, distances),
            ReferenceComparison(
                compare_with_reference(CASE, settings, distances),
                gain,
                estimate_blind_rates(CASE, settings, distances),
            ),
            settings,
        )
        assert verdict == word


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"strategy": {"name": "halving"}}, "search.strategy is halving, .*`seedwitness compose"),
        ({"preselection": {"detector": "one-step", "candidates": 8}}, "search.preselection spends"),
        (
            {"budget_nfe": 640, "refinement": {"budget_nfe": 480}},
            "search.refinement spends a part of the budget on prompts",
        ),
        (
            {"stop": {"rate": 0.05}},
            "stop.rate ends after 59 trials without a copy, of 598",
        ),
        # The same rate, but for each prompt and with more power.
        ({"stop": {"rate": 0.01}}, "stop.rate ends after 299 trials without a copy, of 598"),
    ],
)
def test_a_search_with_fewer_blind_seeds_is_refused(
    changed: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["search"] |= changed
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError, match=message):
        make_plan(0.01, 0.95, 0.01)
    if changed == {"stop": {"rate": 0.01}}:
        assert make_plan(0.01, 0.95, 0.05).seeds == 59


def test_before_the_first_target_a_plan_is_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    plan = make_plan(0.01, 0.95, 0.01)
    assert plan.cases == 1
    write_image(tmp_path, "owl", Image.new("RGB", (8, 8)))
    assert make_plan(0.01, 0.95, 0.01) == plan
    write_image(tmp_path, "heron", Image.new("RGB", (8, 8), "teal"))
    assert make_plan(0.01, 0.95, 0.01).cases == 2


def test_missing_controls_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["controls"] |= {"path": "mine", "watch": "mine", "learned": None}
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert " exist: add" not in format_lines(make_plan(0.01, 0.95, 0.01))[0]
    Path("mine").mkdir()
    for number in range(2):
        Image.new("RGB", (8, 8)).save(f"mine/{number}.png")
    lines = [f'{{"file_name": "{number}.png", "text": "a cat"}}' for number in range(2)]
    Path("mine/metadata.jsonl").write_text("\n".join(lines))
    plan = make_plan(0.01, 0.95, 0.01)
    assert (plan.controls, plan.controls_there) == (99, 2)
    assert "2 exist: add 97 more" in format_lines(plan)[0]
    assert "0 exist: add 99 more" in format_lines(replace(plan, controls_there=0))[0]
