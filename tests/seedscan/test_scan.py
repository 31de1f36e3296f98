"""The scan finds planted seeds, misses as many as it states, and its chance scores are normal."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy import stats

from seedwitness.errors import ConfigError
from seedwitness.runtime import locks
from seedwitness.runtime.code_graph import code_files
from seedwitness.seeds import RNG_ALGORITHMS
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan import scan as scanning
from seedwitness.seedscan.cascade import CascadePlan, CascadeStage
from seedwitness.seedscan.cascade_planning import plan_cascade
from seedwitness.seedscan.scan import scan_range, split_range

SHAPE = (4, 16, 16)
RNG_NAMES = ["torch-cpu", "torch-cpu-float16", "torch-cpu-bfloat16", "philox-nv"]
MIN_Z = 12.0


def blurred(rng: str, seed: int, r: float, number: int = 0) -> np.ndarray:
    """A seed's noise as an inversion recovers it: with correlation ``r`` to the original."""
    noise = RNG_ALGORITHMS[rng](seed, 0, SHAPE, torch.float32).flatten().numpy()
    independent = np.random.default_rng([seed, number]).standard_normal(len(noise))
    return r * noise + np.sqrt(1 - r * r) * independent


@pytest.mark.parametrize("rng", RNG_NAMES)
@pytest.mark.parametrize("seed", [SEED_COUNT - 1, 2**31 + 12_345])
def test_a_planted_seed_is_found(rng: str, seed: int, tmp_path: Path) -> None:
    end = min(SEED_COUNT, seed + 100_000)
    plan = plan_cascade(blurred(rng, seed, 0.6)[None], rng, MIN_Z)
    [found] = scan_range(plan, SHAPE, end - 300_000, end, cache_folder=tmp_path)
    assert found.seeds[0] == seed
    assert found.scores[0] == pytest.approx(0.6 * 32, abs=4)
    assert found.seed_count == 300_000
    assert found.compute_family_wise_p()[0] < 1e-20
    assert (found.compute_family_wise_p()[1:] > 1e-3).all()


def test_a_later_draw_is_found(tmp_path: Path) -> None:
    noise = RNG_ALGORITHMS["torch-cpu"](77_777, 2, SHAPE, torch.float32).flatten().numpy()
    plan = plan_cascade(noise[None], "torch-cpu", MIN_Z, first_draw=2)
    [found] = scan_range(plan, SHAPE, 0, 100_000, cache_folder=tmp_path)
    assert found.seeds[0] == 77_777
    assert found.scores[0] == pytest.approx(np.linalg.norm(noise), abs=1e-3)
    [first] = scan_range(
        plan_cascade(noise[None], "torch-cpu", MIN_Z),
        SHAPE,
        0,
        100_000,
        cache_folder=tmp_path,
    )
    assert (first.compute_family_wise_p() > 1e-3).all()


def test_exact_scores_are_those_of_torch(tmp_path: Path) -> None:
    weights = blurred("torch-cpu", 77, 0.5)
    [found] = scan_range(
        plan_cascade(weights[None], "torch-cpu", MIN_Z),
        SHAPE,
        0,
        50_000,
        cache_folder=tmp_path,
    )
    weights /= np.linalg.norm(weights)
    for seed, z in zip(found.seeds[:5], found.scores[:5], strict=True):
        noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(int(seed)))
        assert z == pytest.approx(float(noise.flatten().double().numpy() @ weights), abs=1e-5)


def test_queries_are_independent_of_one_another(tmp_path: Path) -> None:
    """Three images at once, one of them of no seed."""
    seeds = (77_777, 123_456)
    rows = np.stack(
        [blurred("torch-cpu", seed, 0.5) for seed in seeds]
        + [np.random.default_rng(3).standard_normal(1024)]
    )
    together = scan_range(
        plan_cascade(rows, "torch-cpu", MIN_Z), SHAPE, 0, 200_000, cache_folder=tmp_path
    )
    assert [int(candidates.seeds[0]) for candidates in together[:2]] == list(seeds)
    assert (together[2].compute_family_wise_p() > 1e-3).all()
    for row, found in zip(rows, together, strict=True):
        [alone] = scan_range(
            plan_cascade(row[None], "torch-cpu", MIN_Z),
            SHAPE,
            0,
            200_000,
            cache_folder=tmp_path,
        )
        same = np.intersect1d(alone.seeds, found.seeds)
        # The first stage takes blocks that serve all queries, so other chance seeds pass it.
        assert set(seeds) & set(alone.seeds.tolist()) <= set(same.tolist())
        assert np.allclose(
            [alone.scores[alone.seeds == seed][0] for seed in same],
            [found.scores[found.seeds == seed][0] for seed in same],
        )


def test_the_stated_miss_probability_is_observed() -> None:
    """At a correlation at which many are missed: 300 planted seeds, each scanned alone."""
    r, lost = 0.28, 0
    stated = []
    for seed in range(300):
        plan = plan_cascade(blurred("torch-cpu", seed, r, 1)[None], "torch-cpu", MIN_Z)
        seeds, _, _ = scanning.scan_chunk(plan, seed, seed + 1)
        lost += len(seeds) == 0
        stated.append(plan.compute_miss_probability(r)[0])
    low, high = stats.binomtest(lost, 300).proportion_ci(0.999)
    # The stages share elements, so the sum of their miss probabilities is an upper bound.
    assert low <= np.mean(stated) <= 2 * high


def test_without_a_planted_seed_scores_are_chance(tmp_path: Path) -> None:
    weights = np.random.default_rng(5).standard_normal(1024).astype(np.float32)
    everything = (CascadeStage((0, 8, 3, 11), -99.0), CascadeStage((80, 88), -99.0))
    plan = CascadePlan("torch-cpu", weights[None] / np.linalg.norm(weights), everything, 1024)
    [found] = scan_range(plan, SHAPE, 0, 20_000, cache_folder=tmp_path)
    assert len(found.seeds) == 20_000
    assert stats.kstest(found.scores, "norm").pvalue > 1e-3


def test_finished_parts_are_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "PART_SIZE", 2**16)
    monkeypatch.setattr(scanning, "CHUNK_SIZE", 2**14)
    plan = plan_cascade(blurred("torch-cpu", 99_999, 0.7)[None], "torch-cpu", MIN_Z)
    [whole] = scan_range(plan, SHAPE, 1000, 200_000, cache_folder=tmp_path / "one", workers=1)
    [part] = scan_range(plan, SHAPE, 1000, 70_000, cache_folder=tmp_path / "two")
    assert 99_999 not in part.seeds
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("*.safetensors")}
    [again] = scan_range(plan, SHAPE, 1000, 200_000, cache_folder=tmp_path / "two", workers=3)
    assert np.array_equal(again.seeds, whole.seeds)
    assert np.array_equal(again.scores, whole.scores)
    assert again.seeds[0] == 99_999
    first = min(written)  # the part that both ranges contain completely
    assert first.stat().st_mtime_ns == written[first]


def test_a_damaged_part_is_scanned_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plan = plan_cascade(blurred("torch-cpu", 4_321, 0.7)[None], "torch-cpu", MIN_Z)
    [found] = scan_range(plan, SHAPE, 0, 10_000, cache_folder=tmp_path)
    [path] = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:100])
    [again] = scan_range(plan, SHAPE, 0, 10_000, cache_folder=tmp_path)
    assert np.array_equal(again.scores, found.scores)
    assert "is damaged" in caplog.text


@pytest.mark.parametrize(
    ("name", "substitute"),
    [
        ("hash_code", lambda *modules: "other code"),
        ("package_versions", lambda names: dict.fromkeys(names, "0.0")),
        ("device_kind", lambda device: "another processor"),
    ],
)
def test_a_part_of_other_code_versions_or_devices_is_never_served(
    name: str, substitute: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_cascade(blurred("torch-cpu", 4_321, 0.7)[None], "torch-cpu", MIN_Z)
    computed: list[int] = []
    scan_part = scanning._scan_part

    def count_part(plan: CascadePlan, start: int, *rest: Any) -> Any:
        computed.append(start)
        return scan_part(plan, start, *rest)

    monkeypatch.setattr(scanning, "_scan_part", count_part)
    [first] = scan_range(plan, SHAPE, 0, 10_000, cache_folder=tmp_path)
    scan_range(plan, SHAPE, 0, 10_000, cache_folder=tmp_path)
    assert computed == [0]
    # A part with no seeds, as a defect in older code might have written it.
    [path] = tmp_path.rglob("*.safetensors")
    empty = {name: values[:0] for name, values in load_file(path).items()}
    save_file(empty, path)
    monkeypatch.setattr(scanning, name, substitute)
    [again] = scan_range(plan, SHAPE, 0, 10_000, cache_folder=tmp_path)
    assert computed == [0, 0]
    assert np.array_equal(again.seeds, first.seeds)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2


def test_the_cache_key_names_the_code_and_the_libraries_of_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernels and the RNG algorithms are part of the code, numba and numpy of the versions."""
    modules = code_files("seedwitness.seedscan.scan")
    assert {
        "seedwitness/seedscan/cascade.py",
        "seedwitness/seedscan/mt19937_kernels.py",
        "seedwitness/seedscan/philox_kernels.py",
        "seedwitness/seedscan/triton_kernels.py",
        "seedwitness/seeds/box_muller.py",
        "seedwitness/seeds/torch_cpu.py",
    } <= modules.keys()
    names: list[str] = []
    monkeypatch.setattr(scanning, "package_versions", lambda packages: names.extend(packages) or {})
    scanning.make_cache_key(plan_cascade(np.ones((1, 1024)), "torch-cpu", MIN_Z))
    assert {"numba", "numpy"} <= set(names)


def test_no_p_is_exactly_zero() -> None:
    p = scanning.compute_family_wise_p(np.array([-1.0, 6.0, 38.0, 60.0]), 2**33)
    assert p[0] == 1
    assert (p > 0).all()
    assert p[3] == np.finfo(np.float64).tiny


def test_two_scans_on_one_cache_compute_no_part_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "PART_SIZE", 2**14)
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.01)
    plan = plan_cascade(blurred("torch-cpu", 99_999, 0.7)[None], "torch-cpu", MIN_Z)
    [alone] = scan_range(plan, SHAPE, 0, 200_000, cache_folder=tmp_path / "alone")
    done: list[int] = []
    part = scanning._scan_part

    def counted(plan: CascadePlan, start: int, *rest: Any) -> Any:
        done.append(start)
        return part(plan, start, *rest)

    monkeypatch.setattr(scanning, "_scan_part", counted)
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(
                scan_range, plan, SHAPE, 0, 200_000, cache_folder=tmp_path / "shared", workers=1
            )
            for _ in range(2)
        ]
        for future in both:
            [found] = future.result()
            assert np.array_equal(found.seeds, alone.seeds)
            assert np.array_equal(found.scores, alone.scores)
    assert sorted(done) == list(range(0, 200_000, 2**14))


def test_ranges_are_split_at_the_same_seeds() -> None:
    whole = list(split_range(0, SEED_COUNT))
    assert (whole[0], whole[-1][1]) == ((0, scanning.PART_SIZE), SEED_COUNT)
    cut = list(split_range(5, 2 * scanning.PART_SIZE + 7))
    assert cut == [
        (5, scanning.PART_SIZE),
        (scanning.PART_SIZE, 2 * scanning.PART_SIZE),
        (2 * scanning.PART_SIZE, 2 * scanning.PART_SIZE + 7),
    ]


@pytest.mark.parametrize(("first", "end"), [(-1, 5), (5, 5), (7, 3), (0, SEED_COUNT + 1)])
def test_an_invalid_range_is_refused(first: int, end: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FROM:TO"):
        scan_range(
            plan_cascade(np.ones((1, 1024)), "torch-cpu", MIN_Z),
            SHAPE,
            first,
            end,
            cache_folder=tmp_path,
        )
