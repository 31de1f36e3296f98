"""The page on checkpoints: families, files, samplers and faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.shared.markdown import describe_place, format_table
from seedwitness.checkpoints.families import FAMILIES
from seedwitness.checkpoints.weights_kind import KINDS
from seedwitness.config.inputs import DESCRIPTIONS
from seedwitness.engine.schedulers import ANCESTRAL_SAMPLERS, FLOW_SAMPLERS, SAMPLERS

TEMPLATE = Path(__file__).with_name("checkpoints.md")

Row = Mapping[str, Any]


def render_page(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with its summary and its tables."""
    measured = figures["families"]
    rows: Sequence[Row] = measured["rows"]
    equal = sum(row["latents"] and row["pixels"] for row in rows)
    places = {
        "summary": f"{len(FAMILIES)} families. {equal} of {len(rows)} comparisons with a family's "
        "own pipeline are equal in every bit of the latents and in every pixel.\n\n",
        "families": format_table(
            ["family", "class in `model_index.json`", "guidance", "single file"],
            [
                (
                    family.name,
                    f"`{family.pipeline_class}`",
                    family.guidance,
                    "yes" if family.key_prefixes else "no",
                )
                for family in FAMILIES.values()
            ],
        ),
        "measured": f"{measured['steps']} steps, guidance {measured['guidance']:g}, batch 1, on a "
        "CPU, against small untrained checkpoints of the real classes:\n\n"
        + format_table(
            ["checkpoint", "class", "format", "latents", "pixels"],
            [
                (
                    row["checkpoint"],
                    f"`{row['pipeline']}`",
                    row["dtype"],
                    "equal" if row["latents"] else "differ",
                    "equal" if row["pixels"] else "differ",
                )
                for row in rows
            ],
        )
        + f"Measured on {describe_place(measured['machine'])}.\n\n",
        "descriptions": ", ".join(f"`{name}`" for name in DESCRIPTIONS) + ".\n\n",
        "kinds": ", ".join(KINDS) + ".\n\n",
        "samplers": f"diffusers' schedulers: {_join(SAMPLERS)}; of these "
        f"{_join(ANCESTRAL_SAMPLERS)} add noise after their steps. Checkpoints of flow matching: "
        f"{_join(FLOW_SAMPLERS)}. "
        "`checkpoint` is the checkpoint's own. In the way of a tool: TOOL/SAMPLER/SCHEDULE, see "
        "[tools and samplers](interop.md).\n\n",
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, content in places.items():
        text = text.replace(f"<!-- {name} -->\n", content)
    return text


def _join(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
