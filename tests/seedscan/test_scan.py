"""The scan finds planted seeds, loses as many as it says, and calls chance by its name."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from seedwitness.errors import ConfigError
from seedwitness.runtime import files
from seedwitness.seeds import PROTOCOLS
from seedwitness.seeds.torch_cpu import SEEDS
from seedwitness.seedscan import scan as scanning
from seedwitness.seedscan.cascade import CHEAP, LAST, MISSED, Look, Plan, plan_cascade
from seedwitness.seedscan.scan import parts, scan_range

SHAPE = (4, 16, 16)
PROTOCOL_NAMES = ["torch-cpu", "torch-cpu-float16", "torch-cpu-bfloat16", "philox-nv"]
LEAST = 0.4


def blurred(rng: str, seed: int, r: float, number: int = 0) -> np.ndarray:
    """A seed's noise as an inversion leaves it: correlated by ``r`` with what it was."""
    noise = PROTOCOLS[rng](seed, 0, SHAPE, torch.float32).flatten().numpy()
    other = np.random.default_rng([seed, number]).standard_normal(len(noise))
    return r * noise + np.sqrt(1 - r * r) * other


@pytest.mark.parametrize("rng", PROTOCOL_NAMES)
@pytest.mark.parametrize("seed", [SEEDS - 1, 2**31 + 12_345])
def test_a_planted_seed_is_found(rng: str, seed: int, tmp_path: Path) -> None:
    end = min(SEEDS, seed + 100_000)
    planned = plan_cascade(blurred(rng, seed, 0.6)[None], rng, LEAST)
    [found] = scan_range(planned, SHAPE, end - 300_000, end, ledger=tmp_path)
    assert found.seeds[0] == seed
    assert found.z[0] == pytest.approx(0.6 * 32, abs=4)
    assert found.tried == 300_000
    assert found.p()[0] < 1e-20
    assert (found.p()[1:] > 1e-3).all()


def test_a_later_draw_is_found(tmp_path: Path) -> None:
    noise = PROTOCOLS["torch-cpu"](77_777, 2, SHAPE, torch.float32).flatten().numpy()
    planned = plan_cascade(noise[None], "torch-cpu", LEAST, draw=2)
    [found] = scan_range(planned, SHAPE, 0, 100_000, ledger=tmp_path)
    assert found.seeds[0] == 77_777
    assert found.z[0] == pytest.approx(np.linalg.norm(noise), abs=1e-3)
    [first] = scan_range(
        plan_cascade(noise[None], "torch-cpu", LEAST), SHAPE, 0, 100_000, ledger=tmp_path
    )
    assert (first.p() > 1e-3).all()


@pytest.mark.parametrize(("rng", "elements"), [("philox-nv", 1024), ("torch-cpu", 1000)])
def test_later_draws_that_tools_do_not_share_are_refused(rng: str, elements: int) -> None:
    with pytest.raises(ConfigError, match=r"Set scan\.pictures to 1"):
        plan_cascade(np.ones((1, elements)), rng, LEAST, draw=1)


def test_exact_scores_are_those_of_torch(tmp_path: Path) -> None:
    weights = blurred("torch-cpu", 77, 0.5)
    [found] = scan_range(
        plan_cascade(weights[None], "torch-cpu", LEAST), SHAPE, 0, 50_000, ledger=tmp_path
    )
    weights /= np.linalg.norm(weights)
    for seed, z in zip(found.seeds[:5], found.z[:5], strict=True):
        noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(int(seed)))
        assert z == pytest.approx(float(noise.flatten().double().numpy() @ weights), abs=1e-5)


def test_queries_are_answered_each_for_itself(tmp_path: Path) -> None:
    """Three images at once, one of them of no seed."""
    seeds = (77_777, 123_456)
    rows = np.stack(
        [blurred("torch-cpu", seed, 0.5) for seed in seeds]
        + [np.random.default_rng(3).standard_normal(1024)]
    )
    together = scan_range(
        plan_cascade(rows, "torch-cpu", LEAST), SHAPE, 0, 200_000, ledger=tmp_path
    )
    assert [int(each.seeds[0]) for each in together[:2]] == list(seeds)
    assert (together[2].p() > 1e-3).all()
    for row, found in zip(rows, together, strict=True):
        [alone] = scan_range(
            plan_cascade(row[None], "torch-cpu", LEAST), SHAPE, 0, 200_000, ledger=tmp_path
        )
        same = np.intersect1d(alone.seeds, found.seeds)
        # The first look takes blocks that serve all, so that of chance's seeds others are left.
        assert set(seeds) & set(alone.seeds.tolist()) <= set(same.tolist())
        assert np.allclose(
            [alone.z[alone.seeds == seed][0] for seed in same],
            [found.z[found.seeds == seed][0] for seed in same],
        )


def test_as_many_seeds_are_lost_as_is_said() -> None:
    """At a correlation where it loses many: 300 planted seeds, each looked at by itself."""
    r, lost = 0.25, 0
    stated = []
    for seed in range(300):
        planned = plan_cascade(blurred("torch-cpu", seed, r, 1)[None], "torch-cpu", LEAST)
        seeds, _, _ = scanning._chunk(planned, seed, seed + 1)
        lost += len(seeds) == 0
        stated.append(planned.lost(r)[0])
    low, high = stats.binomtest(lost, 300).proportion_ci(0.999)
    # The looks share elements, so that the sum of their losses is an upper bound.
    assert low <= np.mean(stated) <= 2 * high


@pytest.mark.parametrize("rng", PROTOCOL_NAMES)
@pytest.mark.parametrize("least", [0.2, 0.3, 0.45, 0.9])
def test_a_plan_hardly_loses_what_it_is_made_for(rng: str, least: float) -> None:
    planned = plan_cascade(blurred(rng, 1, 0.5)[None], rng, least)
    last = stats.norm.cdf(LAST - least * 32)  # all that there is: 1024 elements
    assert planned.lost(least)[0] <= sum(MISSED) + last + 1e-9
    assert planned.lost(min(0.99, 2 * least))[0] < 1e-4
    assert planned.seen(6.5) <= max(least, 6.5 / 32 + 0.06)


def test_no_look_asks_for_more_than_the_last() -> None:
    """So that what correlates less than a plan is made for is not lost for nothing."""
    looks = plan_cascade(blurred("torch-cpu", 1, 0.5)[None], "torch-cpu", 0.9).looks
    assert max(look.threshold for look in looks) == looks[-1].threshold == LAST


def test_the_more_is_to_be_found_the_more_is_looked_at() -> None:
    firsts = [
        len(plan_cascade(blurred("torch-cpu", 1, 0.5)[None], "torch-cpu", least).looks[0].blocks)
        for least in (0.9, 0.45, 0.3, 0.2)
    ]
    assert firsts == sorted(firsts)
    assert firsts[0] < firsts[-1]


def test_without_a_planted_seed_scores_are_chance(tmp_path: Path) -> None:
    weights = np.random.default_rng(5).standard_normal(1024).astype(np.float32)
    everything = (Look((0, 1), -99.0), Look((5, 50), -99.0))
    planned = Plan("torch-cpu", weights[None] / np.linalg.norm(weights), everything)
    [found] = scan_range(planned, SHAPE, 0, 20_000, ledger=tmp_path)
    assert len(found.seeds) == 20_000
    assert stats.kstest(found.z, "norm").pvalue > 1e-3


def test_parts_that_are_done_are_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "PART", 2**16)
    monkeypatch.setattr(scanning, "CHUNK", 2**14)
    planned = plan_cascade(blurred("torch-cpu", 99_999, 0.7)[None], "torch-cpu", LEAST)
    [whole] = scan_range(planned, SHAPE, 1000, 200_000, ledger=tmp_path / "one", workers=1)
    [part] = scan_range(planned, SHAPE, 1000, 70_000, ledger=tmp_path / "two")
    assert 99_999 not in part.seeds
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("*.safetensors")}
    [again] = scan_range(planned, SHAPE, 1000, 200_000, ledger=tmp_path / "two", workers=3)
    assert np.array_equal(again.seeds, whole.seeds)
    assert np.array_equal(again.z, whole.z)
    assert again.seeds[0] == 99_999
    first = min(written)  # the one that both ranges have whole
    assert first.stat().st_mtime_ns == written[first]


def test_a_damaged_part_is_looked_at_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planned = plan_cascade(blurred("torch-cpu", 4_321, 0.7)[None], "torch-cpu", LEAST)
    [found] = scan_range(planned, SHAPE, 0, 10_000, ledger=tmp_path)
    [path] = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:100])
    [again] = scan_range(planned, SHAPE, 0, 10_000, ledger=tmp_path)
    assert np.array_equal(again.z, found.z)
    assert "is damaged" in caplog.text


def test_no_p_is_exactly_nothing() -> None:
    p = scanning.family_wise(np.array([-1.0, 6.0, 38.0, 60.0]), 2**33)
    assert p[0] == 1
    assert (p > 0).all()
    assert p[3] == np.finfo(np.float64).tiny


def test_two_scans_on_one_ledger_do_no_part_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "PART", 2**14)
    monkeypatch.setattr(files, "PAUSE", 0.01)
    planned = plan_cascade(blurred("torch-cpu", 99_999, 0.7)[None], "torch-cpu", LEAST)
    [alone] = scan_range(planned, SHAPE, 0, 200_000, ledger=tmp_path / "alone")
    done: list[int] = []
    part = scanning._part

    def counted(planned: Plan, start: int, *rest: Any) -> Any:
        done.append(start)
        return part(planned, start, *rest)

    monkeypatch.setattr(scanning, "_part", counted)
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(
                scan_range, planned, SHAPE, 0, 200_000, ledger=tmp_path / "shared", workers=1
            )
            for _ in range(2)
        ]
        for each in both:
            [found] = each.result()
            assert np.array_equal(found.seeds, alone.seeds)
            assert np.array_equal(found.z, alone.z)
    assert sorted(done) == list(range(0, 200_000, 2**14))


def test_ranges_are_cut_at_the_same_places() -> None:
    whole = list(parts(0, SEEDS))
    assert (whole[0], whole[-1][1]) == ((0, scanning.PART), SEEDS)
    cut = list(parts(5, 2 * scanning.PART + 7))
    assert cut == [
        (5, scanning.PART),
        (scanning.PART, 2 * scanning.PART),
        (2 * scanning.PART, 2 * scanning.PART + 7),
    ]


@pytest.mark.parametrize("rng", PROTOCOL_NAMES)
def test_a_look_takes_what_weighs_most(rng: str) -> None:
    weights = np.full(1024, 0.01)
    weights[16 * 9 : 16 * 11] = 1.0
    weights[16 * 41] = 5.0  # beyond what is cheap
    first, *_, last = plan_cascade(weights[None], rng, 0.2).looks
    assert {9, 10} <= set(first.blocks)
    assert max(first.blocks) < CHEAP
    assert 41 in last.blocks


@pytest.mark.parametrize(
    ("weights", "rng", "says"),
    [
        (
            np.ones(1024),
            "torch-cuda",
            "Known are: philox-nv, torch-cpu, torch-cpu-bfloat16, torch-cpu-float16",
        ),
        (np.zeros(1024), "torch-cpu", "left nothing of the noise"),
        (np.full(1024, np.nan), "torch-cpu", "finite"),
        (np.ones(8), "torch-cpu", "at least 16"),
    ],
)
def test_what_cannot_be_scanned_is_refused(weights: np.ndarray, rng: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan_cascade(weights[None], rng, LEAST)


@pytest.mark.parametrize(("first", "end"), [(-1, 5), (5, 5), (7, 3), (0, SEEDS + 1)])
def test_a_range_that_there_is_not_is_refused(first: int, end: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FROM:TO"):
        scan_range(
            plan_cascade(np.ones((1, 1024)), "torch-cpu", LEAST), SHAPE, first, end, ledger=tmp_path
        )
