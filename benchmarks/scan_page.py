"""Writes what was measured of the scan as a page: docs/seeds.md, and docs/seeds.json behind it.

    .venv/bin/python benchmarks/scan_page.py docs/seeds.md docs/seeds.json [--whole 10]

Needs the demonstration's index. What comes to its end is kept in `data/seeds/` until all has, so a
run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from all import machine, run

SCRATCH = Path("data/seeds")
PUBLISHED = 5.1e5
BARS = {("up to 3", "known"): 0.99, ("up to 3", "empty"): 0.95}
BARS |= {("7.5", "known"): 0.95, ("7.5", "empty"): 0.85}


def percent(cell: dict[str, Any]) -> str:
    """A rate with its interval and its n."""
    return (
        f"{100 * cell['hits'] / cell['n']:.1f} % ({cell['hits']} of {cell['n']}; "
        f"{100 * cell['low']:.1f} to {100 * cell['high']:.1f} %)"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(each) for each in line)} |\n" for line in lines) + "\n"


def page(found: dict[str, Any]) -> str:
    """The figures beside the bars that they are to clear."""
    speed, seeds, where = found["speed"], found["recovery"], found["machine"]
    rates = speed["seeds_per_second"]
    parts = [
        "# The scan of the seed space\n\nWritten by `make bench-seeds`; the figures are in "
        "[seeds.json](seeds.json). Measured on "
        f"{where['processor']}, {where['cores']} cores, {where['date']}, no GPU in use.\n\n"
        "## Speed\n\n"
        f"Seeds a second at {speed['elements']} elements, medians of {speed['rounds']} rounds in "
        "one process, in turns. The bar for the kernels is 8 million.\n\n",
        table(
            ["way", "seeds a second", "against the published 5.1e5 (on paper)"],
            [[name, f"{rate:,}", f"{rate / PUBLISHED:.1f} ×"] for name, rate in rates.items()],
        ),
    ]
    if "whole" in speed:
        parts.append(
            "All 2^32 seeds, by cascades that are made for a correlation, one query, once:\n\n"
        )
        parts.append(
            table(
                [
                    "made for r",
                    "protocol",
                    "seconds",
                    "a seed of that r",
                    "z",
                    "next best z",
                    "chance to lose",
                ],
                [
                    [
                        each["r"],
                        each["rng"],
                        each["seconds"],
                        "found" if each["found"] else "lost",
                        f"{each['z']:.1f}",
                        f"{each['second_best_z']:.2f}",
                        f"{each['lost']:.1g}",
                    ]
                    for rng, each in speed["whole"]
                ],
            )
        )
    parts.append(
        f"## Seeds of outputs\n\n{seeds['outputs']} outputs of `lab-memorised` under captions of "
        "held-out pictures: random 32-bit seeds by both protocols, DDIM, Euler and DPM-Solver++ "
        f"(2M), {seeds['steps']} steps, guidance 1 to 7.5. Inverted by DDIM at guidance 1, "
        f"{seeds['steps']} steps. *Recovered*: the true seed passes a cascade made for r ≥ "
        f"{seeds['least']}, and z ≥ {seeds['z_needed']:.2f}, so that its family-wise p over 2^32 "
        "seeds and both protocols is at most 0.001. Intervals: Clopper and Pearson, 95 %.\n\n"
        "A median z counts 0 where the cascade lost the seed. PNG, DDIM and Euler together:\n\n"
    )
    rows = []
    for each in seeds["bars"]:
        bar = BARS.get((str(each["guidance"]), each["prompt"]))
        said = "–" if bar is None else f"{100 * bar:.0f} %"
        rows.append([each["guidance"], each["prompt"], said, percent(each), each["median_z"]])
    parts.append(table(["guidance", "prompt", "at least", "recovered", "median z"], rows))
    parts.append("Under captions that were planted 128 times, PNG, all samplers and guidances:\n\n")
    parts.append(
        table(
            ["prompt", "recovered", "median z"],
            [
                [each["prompt"], percent(each), each["median_z"]]
                for each in seeds["planted_captions"]
            ],
        )
    )
    no = seeds["negatives"]
    parts.append(
        "## Pictures that the checkpoint did not make\n\n"
        f"{no['pictures']} held-out pictures, under the empty prompt and their own caption, "
        "seeds 0 "
        f"to {no['seeds'] - 1:,} by both protocols: falsely recovered at family-wise "
        f"{no['family_wise_alpha']:g}: {percent(no['false_recoveries'])}. The median of their "
        f"highest z is {no['median_highest_z']:.2f}; by chance, every seed seen in full, "
        f"it would be {no['median_highest_z_by_chance']:.2f}.\n\n"
    )
    if "whole" in seeds:
        parts.append(whole(seeds["whole"]))
    parts.append("## Every cell\n\n")
    parts.append(
        table(
            ["file", "prompt", "sampler", "guidance", "recovered", "median z"],
            [
                [each[name] for name in ("file", "prompt", "sampler", "guidance")]
                + [percent(each), each["median_z"]]
                for each in seeds["by_sampler"]
            ],
        )
    )
    parts.append(strategies(found["strategies"]))
    return "".join(parts).rstrip("\n") + "\n"


def strategies(found: dict[str, Any]) -> str:
    """Work until a planted picture comes back, each strategy against the sweep."""
    plain = found["strategies"]["sweep"]
    rows = []
    for name, groups in found["strategies"].items():
        for group, each in groups.items():
            against = [
                "–" if nfe is None else f"{nfe:,.0f} ({_times(plain[group], share, nfe)})"
                for share, nfe in each["nfe_within_which"].items()
            ]
            rows.append([name, group, percent(each["came_back"]), *against])
    shares = next(iter(plain.values()))["nfe_within_which"]
    return (
        "## Strategies\n\nNFE until the first regeneration of a picture on `lab-memorised`, under "
        f"its own caption, {found['steps']} steps, guidance {found['guidance']:g}, at most "
        f"{found['budget_nfe']:,} NFE a picture; both distances at or below the 1 % points of "
        "held-out pictures. Beside each: how many times fewer than the sweep needs for the same "
        "share of the same pictures. Held-out pictures that come back are false alarms: the "
        "thresholds were made for 16 trials of full length a picture, and more trials find more. "
        f"The literature's search takes {found['literature_nfe']:,} NFE a picture, whatever it "
        "finds.\n\n"
    ) + table(["strategy", "pictures", "came back", *(f"NFE for {each}" for each in shares)], rows)


def _times(plain: dict[str, Any], share: str, nfe: float) -> str:
    base = plain["nfe_within_which"][share]
    return "the sweep never" if base is None else f"{base / nfe:.1f} ×"


def whole(found: dict[str, Any]) -> str:
    """The outputs that were looked for in all of the seed space."""
    names = ("seed", "rng", "sampler", "guidance")
    rows = [
        [each[name] for name in names]
        + [f"{each['z']:.1f}", f"{each['second_best_z']:.2f}", "yes" if each["recovered"] else "no"]
        for each in found["outputs"]
    ]
    return (
        f"## All of 2^32\n\n{len(rows)} outputs, PNG, empty prompt, all at once by both protocols: "
        f"{found['seconds']} s.\n\n"
    ) + table([*names, "z", "next best z", "recovered"], rows)


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("markdown", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--outputs", type=int, default=240)
    parser.add_argument("--whole", type=int, default=0)
    asked = parser.parse_args()
    found = {
        "machine": machine(),
        "speed": run("scan_speed", *(["--whole"] if asked.whole else []), kept=SCRATCH),
        "recovery": run(
            "scan_recovery",
            "--outputs",
            str(asked.outputs),
            "--whole",
            str(asked.whole),
            "--scratch",
            str(SCRATCH / "scans"),
            kept=SCRATCH,
        ),
        "strategies": run("strategies", "--scratch", str(SCRATCH / "strategies"), kept=SCRATCH),
    }
    asked.figures.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    asked.markdown.write_text(page(found), "utf-8")
    shutil.rmtree(SCRATCH)


if __name__ == "__main__":
    main()
