"""How long a stage takes to start, its work not counted.

    .venv/bin/python benchmarks/startup.py [--rounds 5]

In a process of its own a stage starts with the interpreter, the command line, and everything that
the stage imports, whenever it does. Under `seedwitness run` it is a fork of a process that has
imported all that: there it is a stage that does not exist, which the fork says. Medians of whole
processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from grimp import build_graph
from pipeline import WITH_TORCH, WITHOUT_TORCH

import seedwitness
from seedwitness import stages
from seedwitness.runtime import fork_server
from seedwitness.stages.code import HOME, files

IMPORTS = (
    "import sys; from importlib import import_module; [import_module(n) for n in sys.argv[1:]]"
)
COMMAND = str(Path(sys.executable).parent / "seedwitness")


def seconds(command: list[str], environment: dict[str, str] | None, code: int) -> float:
    """Of a whole process, which has to end with ``code``."""
    began = perf_counter()
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    taken = perf_counter() - began
    if ended.returncode != code:
        raise SystemExit(f"{' '.join(command[:4])} … failed:\n{ended.stderr[-4000:]}")
    return taken


def imported() -> dict[str, list[str]]:
    """By stage, the modules that it runs, the command line first."""
    graph = build_graph(seedwitness.__name__, exclude_type_checking_imports=True, cache_dir=None)
    found = {}
    for name in (*WITHOUT_TORCH, *WITH_TORCH):
        paths = sorted(files(graph, f"{stages.__name__}.{name}"))
        parts = [path.relative_to(HOME.parent).with_suffix("").parts for path in paths]
        modules = [".".join(each).removesuffix(".__init__") for each in parts]
        found[name] = [f"{seedwitness.__name__}.cli", *modules]
    return found


def measure(rounds: int) -> dict[str, object]:
    """In turns, so that a busy moment of the machine falls on all."""
    modules = imported()
    taken: dict[str, list[float]] = {name: [] for name in modules}
    forks = []
    with fork_server.running_server() as environment:
        asked = [COMMAND, "stage", "none"]
        while not Path(environment[fork_server.SOCKET_VARIABLE]).exists():
            sleep(0.1)
        seconds(asked, environment, 1)  # waits until everything is imported
        for _ in range(rounds):
            forks.append(seconds(asked, environment, 1))
            for name, each in modules.items():
                taken[name].append(seconds([sys.executable, "-c", IMPORTS, *each], None, 0))
    own = {name: round(median(each), 2) for name, each in taken.items()}
    return {
        "benchmark": "startup",
        "rounds": rounds,
        "fork": round(median(forks), 2),
        "without_torch": {name: own[name] for name in WITHOUT_TORCH},
        "with_torch": {name: own[name] for name in WITH_TORCH},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    sys.stdout.write(json.dumps(measure(parser.parse_args().rounds), indent=1) + "\n")
