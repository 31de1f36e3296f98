"""Writes constraints.txt: the versions now in .venv of all that the project needs, directly or not.

Run it as `.venv/bin/python tools/constraints.py` after a deliberate upgrade whose tests pass.
"""

import importlib.metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
HEAD = """\
# Versions known to work together: `pip install -c constraints.txt` takes these and no others.
# Written by tools/constraints.py. No local versions (+cpu) and no CUDA packages, so that pip can
# choose the build of torch that suits the machine.
"""


def pins() -> dict[str, str]:
    """The installed version of every package that pyproject.toml reaches, by canonical name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        waiting += [Requirement(text) for text in extra]
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen or name.startswith(("nvidia-", "cuda-", "triton")):
            continue
        seen.add((name, extras))
        package = importlib.metadata.distribution(name)
        found[name] = Version(package.version).public
        for text in package.requires or []:
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                waiting.append(needed)
    return found


def main() -> None:
    """Writes the file and says how many packages it pins."""
    lines = [f"{name}=={version}\n" for name, version in sorted(pins().items())]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines))
    print(f"constraints.txt pins {len(lines)} packages")


if __name__ == "__main__":
    main()
