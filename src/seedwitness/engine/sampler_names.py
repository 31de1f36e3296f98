"""The tools' names of samplers and schedules, and ours."""

from __future__ import annotations

from seedwitness.config.names import TOOL_SAMPLERS

SAMPLER_NAMES = {
    "ddim": "ddim",
    "ddpm": "ddpm",
    "deis": "deis",
    "dpm 2": "dpm2",
    "dpm 2 a": "dpm2-a",
    "dpm 2 ancestral": "dpm2-a",
    "dpm2": "dpm2",
    "dpm2 a": "dpm2-a",
    "dpm++ 2m": "dpmpp-2m",
    "dpm++ 2m sde": "dpmpp-2m-sde",
    "dpmpp 2m": "dpmpp-2m",
    "dpmpp 2m sde": "dpmpp-2m-sde",
    "euler": "euler",
    "euler a": "euler-a",
    "euler ancestral": "euler-a",
    "heun": "heun",
    "lcm": "lcm",
    "lms": "lms",
    "plms": "pndm",
    "pndm": "pndm",
    "uni pc": "unipc",
    "unipc": "unipc",
}
"""Our name of a sampler by the tools' names, in lower case and without prefix and schedule."""
TOOL_ONLY_NAMES = {
    "dpm++ 2s a": "dpmpp-2s-a",
    "dpm++ sde": "dpmpp-sde",
    "dpmpp 2s ancestral": "dpmpp-2s-a",
    "dpmpp sde": "dpmpp-sde",
}
"""Names of samplers that diffusers does not have."""
FORMER_SCHEDULES = ("karras", "exponential", "polyexponential", "k")
"""Schedules at the end of a sampler's name, in older tools, and in InvokeAI (k for Karras)."""
SCHEDULE_NAMES = {
    "automatic": "",
    "beta": "beta",
    "ddim": "ddim-uniform",
    "ddim uniform": "ddim-uniform",
    "exponential": "exponential",
    "karras": "karras",
    "kl optimal": "kl-optimal",
    "normal": "uniform",
    "sgm uniform": "sgm-uniform",
    "simple": "simple",
    "uniform": "uniform",
}
"""Our name of a schedule by the tools' names; empty where the tool chooses by the sampler."""
TOOL_NAMES = {
    "AUTOMATIC1111": "a1111",
    "Forge": "forge",
    "ComfyUI": "comfyui",
    "SwarmUI": "comfyui",
}
"""Whose way of sampling a tool has."""
AUTOMATIC_KARRAS = frozenset({"dpmpp-2m", "dpmpp-sde", "dpmpp-2s-a", "dpm2", "dpm2-a"})
AUTOMATIC_EXPONENTIAL = frozenset({"dpmpp-2m-sde"})


def simplify_name(name: str) -> tuple[str, str]:
    """A sampler's name in lower case without prefix, and the schedule at its end, if any."""
    plain = name.lower().replace("_", " ").removeprefix("sample ").removeprefix("k ").strip()
    for schedule in FORMER_SCHEDULES:
        if plain.endswith(f" {schedule}"):
            return plain.removesuffix(f" {schedule}"), "karras" if schedule == "k" else schedule
    return plain, ""


def translate_sampler(name: str | None) -> str | None:
    """Our name of a tool's sampler; None if there is none, or it is not one of the engine's.

    A schedule at the end of the name, such as Karras, is left out.
    """
    return None if name is None else SAMPLER_NAMES.get(simplify_name(name)[0])


def find_tool_sampler(tool: str, name: str | None, schedule: str | None) -> str | None:
    """The sampler in the way of a tool, by the tool's names; None if there is none.

    Where the schedule is "Automatic", or none is named, it is the one that AUTOMATIC1111 and Forge
    take for the sampler, and the even one of others.
    """
    if name is None or tool not in TOOL_NAMES:
        return None
    own_tool = TOOL_NAMES[tool]
    plain, suffix = simplify_name(name)
    sampler = SAMPLER_NAMES.get(plain) or TOOL_ONLY_NAMES.get(plain)
    if sampler == "ddim" and own_tool == "a1111":
        return "a1111/ddim"
    if sampler == "ddim" and own_tool == "comfyui":
        sampler = "euler"  # of which its `ddim` is another name
    named = SCHEDULE_NAMES.get((schedule or suffix).lower().replace("_", " "))
    if named is None and (schedule or suffix):
        return None
    found = f"{own_tool}/{sampler}/{named or _choose_schedule(own_tool, str(sampler))}"
    return found if found in TOOL_SAMPLERS else None


def _choose_schedule(tool: str, sampler: str) -> str:
    if tool != "comfyui" and sampler in AUTOMATIC_KARRAS:
        return "karras"
    if tool != "comfyui" and sampler in AUTOMATIC_EXPONENTIAL:
        return "exponential"
    return "uniform"
