"""The hash of code: it covers everything that a module runs, and ignores comments."""

import subprocess
import sys
from pathlib import Path

import pytest

from seedwitness.runtime.code_graph import code_files, hash_code, strip_prose

SOURCE = '''"""What it is."""

import os  # for the path

LIMIT = 3
"""How many."""


def cut(text: str) -> str:
    """The first letters.

    A second paragraph.
    """
    # Why.
    mark = "# no comment"
    return text[:LIMIT] + mark + f"{os.sep}# neither"
'''


def test_comments_and_docstrings_are_not_code() -> None:
    assert strip_prose(SOURCE) == (
        "import os\n"
        "LIMIT = 3\n"
        "def cut(text: str) -> str:\n"
        '    mark = "# no comment"\n'
        '    return text[:LIMIT] + mark + f"{os.sep}# neither"'
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("LIMIT = 3", "LIMIT = 4"), ('"# no comment"', '"# a comment"'), ("[:LIMIT]", "[LIMIT:]")],
)
def test_any_other_change_is_a_change_of_code(old: str, new: str) -> None:
    assert strip_prose(SOURCE.replace(old, new)) != strip_prose(SOURCE)


def test_a_docstring_with_an_accent_and_a_string_in_two_parts() -> None:
    assert (
        strip_prose('x = ("é"\n    "b")\n"""é"""; y = 1\n') == 'x = ("é"\n    "b")\n"""é"""; y = 1'
    )


def test_direct_and_indirect_imports_are_covered() -> None:
    files = code_files("seedwitness.engine.sampling")
    assert "seedwitness/engine/sampling.py" in files
    assert "seedwitness/engine/schedulers.py" in files
    assert "seedwitness/errors.py" in files
    assert not any(path.startswith("seedwitness/report") for path in files)


def test_a_package_brings_its_templates_and_no_bytecode() -> None:
    files = code_files("seedwitness.report.report_folder")
    assert "seedwitness/report/templates/style.css" in files
    assert not any("__pycache__" in path for path in files)


def test_the_lab_is_followed_into_both_packages() -> None:
    files = code_files("seedlab.training")
    assert "seedlab/training.py" in files
    assert "seedwitness/runtime/files.py" in files


@pytest.mark.parametrize("module", ["seedwitness.stages.judge", "seedwitness.stages.search"])
def test_every_module_that_is_imported_is_covered(module: str) -> None:
    """Compares the modules that Python imported with those found from the source."""
    script = (
        f"import sys, {module}; "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('seedwitness')))"
    )
    imported = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    root = Path(__file__).parents[2] / "src"
    loaded = {Path(file).relative_to(root).as_posix() for file in imported}
    assert loaded <= set(code_files(module))


def test_a_module_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no module seedwitness\.engine\.none"):
        hash_code("seedwitness.engine.none")
