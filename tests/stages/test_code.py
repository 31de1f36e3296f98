"""Of code, a stage depends on what it runs: no less, and little more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from grimp import ImportGraph, build_graph

from seedwitness.runtime.files import sha256_file
from seedwitness.stages import code, output_path, stage_names

ROOT = Path(__file__).parents[2]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return build_graph("seedwitness", exclude_type_checking_imports=True, cache_dir=None)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    monkeypatch.chdir(tmp_path)
    code.run()
    return {path.stem: json.loads(path.read_text()) for path in output_path("code").iterdir()}


@pytest.mark.parametrize("name", sorted(set(PIPELINE) - {"code", "pictures"}))
def test_dvc_watches_for_each_stage_the_code_that_it_runs(name: str) -> None:
    deps = PIPELINE[name].get("do", PIPELINE[name])["deps"]
    assert [each for each in deps if each.startswith("data/code")] == [f"data/code/{name}.json"]


def test_every_stage_has_its_file(written: dict[str, dict[str, str]]) -> None:
    assert set(written) == set(stage_names()) == set(PIPELINE) - {"pictures"}


def test_files_are_told_by_their_hash(written: dict[str, dict[str, str]]) -> None:
    path = "seedwitness/search/sweep.py"
    assert written["search"][path] == sha256_file(ROOT / "src" / path)


def test_a_page_depends_on_its_templates(written: dict[str, dict[str, str]]) -> None:
    for name in ("_method.html", "report.js", "style.css"):
        assert f"seedwitness/report/templates/{name}" in written["report"]
    assert not any("templates" in path for path in written["judge"])


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("statistics/ranks.py", {"judge", "report", "overview"}),
        ("tracking/publishing.py", {"publish"}),
        ("report/plots.py", {"report", "overview"}),
        ("search/halving.py", {"search", "controls", "scan", "reach", "replay", "score"}),
    ],
)
def test_what_does_not_run_a_file_does_not_depend_on_it(
    written: dict[str, dict[str, str]], file: str, stages: set[str]
) -> None:
    found = {name for name, run in written.items() if f"seedwitness/{file}" in run}
    assert found
    assert found <= stages


@pytest.mark.parametrize("stage", ["index", "search", "controls", "judge", "report"])
def test_no_module_is_imported_that_no_file_tells_of(graph: ImportGraph, stage: str) -> None:
    """Python's own account of what it imported, against what was read from the code."""
    script = (
        f"import sys, seedwitness.stages.{stage}; "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('seedwitness.')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    told = code.files(graph, f"seedwitness.stages.{stage}")
    rooms = {name.rpartition(".")[2] for name in code.NO_INFLUENCE}
    loaded = {Path(file) for file in ran}
    assert loaded & told
    others = {path.relative_to(code.HOME).as_posix() for path in loaded - told}
    assert {name for name in others if name.partition("/")[0].removesuffix(".py") not in rooms} == {
        "stages/__init__.py"
    }
