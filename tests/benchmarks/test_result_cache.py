"""The result cache serves a result only under everything that decides it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.shared import result_cache
from benchmarks.shared.result_cache import ResultCache

CODE = {
    "magnitude": ["seedwitness.detectors.magnitude"],
    "hessian": ["seedwitness.detectors.hessian"],
    "generations": ["seedwitness.detectors.clique", "seedwitness.metrics.descriptor"],
    "recovered": ["seedwitness.prompts.recoverer"],
}


def test_a_result_is_computed_once_and_read_back(tmp_path: Path) -> None:
    calls: list[str] = []

    def compute() -> list[dict[str, Any]]:
        calls.append("computed")
        return [{"detector": "magnitude", "value": -float("inf")}]

    cache = ResultCache(tmp_path, {"steps": 20}, CODE)
    first = cache.rows("magnitude", "f00", "a fox", compute)
    assert cache.rows("magnitude", "f00", "a fox", compute) == first
    assert len(calls) == 1
    assert json.loads(cache.path("magnitude", "f00", "a fox").read_text()) == first


def test_another_setting_image_prompt_or_computation_is_another_result(tmp_path: Path) -> None:
    paths = {
        ResultCache(tmp_path, settings, CODE).path(computation, pixels, prompt)
        for settings in ({"steps": 20}, {"steps": 21})
        for computation in CODE
        for pixels in ("f00", "bad")
        for prompt in ("a fox", "")
    }
    assert len(paths) == 32


def test_a_result_of_other_versions_is_never_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def path() -> Path:
        return ResultCache(tmp_path, {}, CODE).path("magnitude", "f00", "")

    before = path()
    assert path() == before
    for name in result_cache.LIBRARIES:
        with monkeypatch.context() as patch:
            versions = {**result_cache.package_versions(result_cache.LIBRARIES), name: "0.0"}
            patch.setattr(result_cache, "package_versions", lambda _, given=versions: given)
            assert path() != before


def test_a_result_of_other_code_is_never_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_code = tmp_path / "own_code.py"
    own_code.write_text("x = 1\n")

    def path() -> Path:
        result_cache.hash_source.cache_clear()
        return ResultCache(tmp_path, {}, CODE, [own_code]).path("magnitude", "f00", "")

    before = path()
    own_code.write_text("x = 2\n")
    assert path() != before
    own_code.write_text("x = 1  # a comment computes nothing\n")
    assert path() == before
    monkeypatch.setattr(result_cache, "hash_code", lambda *_: "other code")
    assert path() != before


def test_an_unknown_computation_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="known are generations, hessian, magnitude, recovered"):
        ResultCache(tmp_path, {}, CODE).path("alignment", "f00", "")
