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
from seedwitness.commands.speed import measure_speed
from seedwitness.errors import ConfigError
from seedwitness.statistics.finding_power import Design, simulate_findings
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
            None,
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
            "stop.rate ends after 59 trials without a copy, of 628",
        ),
        # The same rate, but for each prompt and with more power.
        ({"stop": {"rate": 0.01}}, "stop.rate ends after 299 trials without a copy, of 628"),
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
        assert make_plan(0.01, 0.95, 0.05).seeds == 62


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


def compose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **search: object) -> None:
    """Settings of the committed ones with a search as conf/search/rare.yaml has it."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    rare = yaml.safe_load((ROOT / "conf/search/rare.yaml").read_text())
    default = yaml.safe_load((ROOT / "conf/search/default.yaml").read_text())
    params["search"] = {**default, **{k: v for k, v in rare.items() if k != "defaults"}, **search}
    params["controls"]["learned"] = None
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(params))


def test_a_rare_copy_of_a_large_checkpoint_is_found_for_a_twentieth_of_the_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One target on a checkpoint like SD 1.5, copies in 1 % of the seeds, p ≤ 0.01, power 0.8."""
    compose(monkeypatch, tmp_path)
    plan = make_plan(0.01, 0.8, 0.01)
    assert plan.found >= 0.8
    assert plan.nfe <= 700_000 <= 14_400_000 / 20
    design = Design(plan.seeds, plan.reference_trials, plan.controls, 0.01)
    found = simulate_findings(design, 0.01, 1200, seed=5)
    assert found.supported >= 0.8 - 2 * (0.8 * 0.2 / 1200) ** 0.5
    assert simulate_findings(design, 0.0, 1200, seed=6).ranked <= 0.01 + 3 * (0.0099 / 1200) ** 0.5


def test_299_controls_cost_less_than_100_without_two_budgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a study by the default search, whose 500 trials went to every control on both."""
    compose(monkeypatch, tmp_path)
    plan = make_plan(0.01, 0.8, 0.01, controls=299)
    assert plan.conditional_alpha < 0.022
    today = 500 * 60 * (3 + 2 * 100)
    assert plan.nfe < today / 3
    assert plan.nfe_unseen < today / 25


def test_the_demonstration_s_power_for_a_sixth_of_its_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets that come back in nearly every trial need one ranked trial, and others for the rate.

    Without the learned images, whose ratio is no part of a finding.
    """
    compose(monkeypatch, tmp_path, steps=10, guidance=3.0, budget_nfe=20, rate_nfe=60)
    for number in range(8):
        write_image(tmp_path, f"no-{number}", Image.new("RGB", (8, 8), (number, 0, 0)))
    one = Design(trials=1, reference_trials=1, controls=100, alpha=0.01)
    today = simulate_findings(replace(one, trials=8, reference_trials=8), 0.98, 800, seed=7)
    found = simulate_findings(one, 0.98, 800, seed=7)
    assert found.supported >= today.supported - 0.03
    assert simulate_findings(one, 0.0, 800, seed=8).ranked <= 0.01 + 3 * (0.0099 / 800) ** 0.5
    cases = 8 * (20 + 60) * 3  # two checkpoints and the replay
    assert cases + 100 * 2 * 20 < (8 * 160 * 3 + 100 * 2 * 160) / 5


def test_costs_are_by_checkpoint_and_say_what_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose(monkeypatch, tmp_path)
    plan = make_plan(0.01, 0.8, 0.01, price=2.0)
    assert sum(each.nfe for each in plan.checkpoints) == plan.nfe
    line = next(line for line in format_lines(plan) if "lab-memorised: " in line)
    assert "not measured: run `seedwitness plan --measure lab-memorised`" in line
    with pytest.raises(ConfigError, match="lab-memorized"):
        measure_speed("lab-memorized", 0.1)
    params = yaml.safe_load(Path("params.yaml").read_text())
    folder = str(ROOT / "data/lab/checkpoints/lab-memorised")
    params["checkpoints"]["lab-memorised"] |= {"path": folder, "watch": folder}
    params["search"] |= {"steps": 2, "batch": 2, "sampler": "ddim"}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    speed = measure_speed("lab-memorised", 0.1)
    assert speed.seconds_a_nfe > 0
    again = make_plan(0.01, 0.8, 0.01, price=2.0).checkpoints
    (measured,) = (each for each in again if each.checkpoint == "lab-memorised")
    assert measured.hours is not None
    assert measured.money == pytest.approx(2 * measured.nfe * speed.seconds_a_nfe / 3600)
    assert "measured on cpu, 128 × 128, float32, batch 2" in measured.measured


def test_a_power_out_of_reach_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose(monkeypatch, tmp_path)
    with pytest.raises(ConfigError, match="is out of reach"):
        make_plan(0.01, 0.8, 0.01, refused=0.3)
    with pytest.raises(ConfigError, match="98: 1 cases at 0"):
        make_plan(0.01, 0.8, 0.01, controls=98)
