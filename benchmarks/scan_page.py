"""Writes what was measured of the scan as a page: docs/seeds.md, and docs/seeds.json behind it.

    .venv/bin/python benchmarks/scan_page.py docs/seeds.md docs/seeds.json [--parts speed …]

Needs the demonstration's index. Both files are written after each part, and `--parts` takes some of
them, so that a run that was stopped goes on; within a part from `data/seeds/`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from all import main, run
from pages import percent, place, table

SCRATCH = Path("data/seeds")
PARTS = {
    "speed": "scan_speed",
    "recovery": "scan_recovery",
    "whole": "scan_whole",
    "strategies": "strategies",
}
if torch.cuda.is_available():
    PARTS["gpu"] = "scan_speed"
PUBLISHED = 5.1e5
BARS = {("up to 3", "known"): 0.99, ("up to 3", "empty"): 0.95}
BARS |= {("7.5", "known"): 0.95, ("7.5", "empty"): 0.85}


def page(found: dict[str, Any]) -> str:
    """What was measured so far, part after part."""
    parts = [
        "# The scan of the seed space\n\nWritten by `make bench-seeds`; the figures are in "
        "[seeds.json](seeds.json).\n\n"
    ]
    sections = {"speed": speed, "gpu": on_a_gpu, "recovery": recovery, "whole": whole}
    sections["strategies"] = strategies
    for name, section in sections.items():
        if name in found:
            parts.append(section(found[name]))
        if name == "gpu" and {"speed", "gpu"} <= found.keys():
            parts.append(agreement(found["speed"]["whole"], found["gpu"]["whole"]))
    return "".join(parts).rstrip("\n") + "\n"


def where(found: dict[str, Any]) -> str:
    """On which machine, and when."""
    own = found["machine"]
    return f"Measured on {place(own)}.\n\n"


def on_a_gpu(found: dict[str, Any]) -> str:
    """As ``speed``, where a GPU takes the first looks."""
    return speed(found, "## Speed with a GPU")


def agreement(cores: Sequence[dict[str, Any]], gpu: Sequence[dict[str, Any]]) -> str:
    """What a GPU finds in all of the seed space beside what cores find there."""
    pairs = list(zip(cores, gpu, strict=True))
    apart = max(abs(a[z] - b[z]) for a, b in pairs for z in ("z", "second_best_z"))
    passed = ", ".join(f"{a['looked_at_in_full']} and {b['looked_at_in_full']}" for a, b in pairs)
    return (
        f"Beside the cores' own scans above, the highest z and the next agree within {apart:.0e}. "
        "Seeds that passed every look, row by row, there and here (some lie just at a threshold, "
        f"and the first looks' scores differ by up to 0.01): {passed}.\n\n"
    )


def speed(found: dict[str, Any], heading: str = "## Speed") -> str:
    """Seeds a second, and all of them."""
    rates = found["seeds_per_second"]
    parts = [
        f"{heading}\n\n{where(found)}"
        f"Seeds a second at {found['elements']} elements, medians of {found['rounds']} rounds in "
        "one process, in turns. The bar for the kernels is 8 million.\n\n",
        table(
            ["way", "seeds a second", "against the published 5.1e5 (on paper)"],
            [[name, f"{rate:,}", f"{rate / PUBLISHED:.1f} ×"] for name, rate in rates.items()],
        ),
    ]
    if "whole" in found:
        head = ["made for r", "protocol", "seconds", "a seed of that r", "z", "next best z", "lost"]
        parts += [
            "All 2^32 seeds, by cascades that are made for a correlation, one query, once; *lost* "
            "is the chance to lose a seed of that correlation. The bar is 9 minutes at 0.45.\n\n",
            table(head, [_whole_speed(each) for each in found["whole"]]),
        ]
    return "".join(parts)


def _whole_speed(row: dict[str, Any]) -> list[object]:
    return [
        row["r"],
        row["rng"],
        row["seconds"],
        "found" if row["found"] else "lost",
        f"{row['z']:.1f}",
        f"{row['second_best_z']:.2f}",
        f"{row['lost']:.2g}",
    ]


def recovery(found: dict[str, Any]) -> str:
    """How often an output's seed is found, cell by cell, and what is found where there is none."""
    parts = [
        f"## Seeds of outputs\n\n{where(found)}"
        f"{found['outputs']} outputs of `lab-memorised` under captions of "
        "held-out pictures: random 32-bit seeds by both protocols, DDIM, Euler and DPM-Solver++ "
        f"(2M), {found['steps']} steps, guidance 1 to 7.5. Inverted by DDIM at guidance 1, "
        f"{found['steps']} steps. *Recovered*: the true seed passes a cascade made for r ≥ "
        f"{found['least']}, and z ≥ {found['z_needed']:.2f}, so that its family-wise p over 2^32 "
        "seeds and both protocols is at most 0.001. Intervals: Clopper and Pearson, 95 %.\n\n"
        "A median z counts 0 where the cascade lost the seed. PNG, DDIM and Euler together:\n\n"
    ]
    rows = []
    for each in found["bars"]:
        bar = BARS.get((str(each["guidance"]), each["prompt"]))
        said = "–" if bar is None else f"{100 * bar:.0f} %"
        rows.append([each["guidance"], each["prompt"], said, percent(each), each["median_z"]])
    parts.append(table(["guidance", "prompt", "at least", "recovered", "median z"], rows))
    parts.append(
        "Where it falls short: the same recipe under three other seeds gives nearly the same "
        "picture, which has forgotten its noise. *Sameness* is the mean cosine similarity of final "
        "latents. PNG, empty prompt, all samplers and guidances:\n\n"
    )
    parts.append(
        table(
            ["sameness", "recovered", "median z"],
            [
                [_band(each["same"]), percent(each), each["median_z"]]
                for each in found["by_sameness"]
            ],
        )
    )
    parts.append("Under captions that were planted 128 times, PNG, all samplers and guidances:\n\n")
    parts.append(
        table(
            ["prompt", "recovered", "median z"],
            [
                [each["prompt"], percent(each), each["median_z"]]
                for each in found["planted_captions"]
            ],
        )
    )
    no = found["negatives"]
    parts.append(
        "### Pictures that the checkpoint did not make\n\n"
        f"{no['pictures']} held-out pictures, under the empty prompt and their own caption, "
        "seeds 0 "
        f"to {no['seeds'] - 1:,} by both protocols: falsely recovered at family-wise "
        f"{no['family_wise_alpha']:g}: {percent(no['false_recoveries'])}. The median of their "
        f"highest z is {no['median_highest_z']:.2f}; by chance, every seed seen in full, "
        f"it would be {no['median_highest_z_by_chance']:.2f}.\n\n"
    )
    parts.append("### Every cell\n\n")
    parts.append(
        table(
            ["file", "prompt", "sampler", "guidance", "recovered", "median z"],
            [
                [each[name] for name in ("file", "prompt", "sampler", "guidance")]
                + [percent(each), each["median_z"]]
                for each in found["by_sampler"]
            ],
        )
    )
    return "".join(parts)


def _band(ends: Sequence[float]) -> str:
    low, high = ends
    return f"up to {high:g}" if low < 0 else f"{low:g} to {high:g}"


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
        f"## Strategies\n\n{where(found)}"
        "NFE until the first regeneration of a picture on `lab-memorised`, under its own caption, "
        f"{found['steps']} steps, guidance {found['guidance']:g}, at most {found['budget_nfe']:,} "
        "NFE a picture; both distances at or below the 1 % points of held-out pictures. Beside "
        "each: how many times fewer than the sweep needs for the same share of the same pictures; "
        "the bar for `halving` is 5 × at 50 and 90 %. Held-out pictures that come "
        "back are false alarms: the thresholds were made for 16 trials "
        "of full length a picture, and more trials find more. The literature's search takes "
        f"{found['literature_nfe']:,} NFE a picture, whatever it finds.\n\n"
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
        f"## Outputs looked for in all of 2^32\n\n{where(found)}"
        f"{len(rows)} outputs, PNG, empty prompt, all at once by both protocols, by a cascade made "
        f"for r ≥ {found['least']}. Recovered: the true seed comes first, with the z of "
        f"{found['z_needed']:.2f} that a family-wise p of 0.001 takes. What a scan takes stands "
        "above, under *Speed*.\n\n"
    ) + table([*names, "z", "next best z", "recovered"], rows)


def measured(part: str, _: Path) -> dict[str, Any]:
    """The figures of one part."""
    arguments = {
        "speed": ["--whole"],
        "gpu": ["--whole"],
        "recovery": ["--scratch", str(SCRATCH / "scans")],
        "whole": ["--scratch", str(SCRATCH / "scans")],
        "strategies": ["--scratch", str(SCRATCH / "strategies")],
    }
    return run(PARTS[part], *arguments[part])


if __name__ == "__main__":
    main(__doc__ or "", PARTS, measured, page)
    shutil.rmtree(SCRATCH, ignore_errors=True)
