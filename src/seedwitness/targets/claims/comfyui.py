"""ComfyUI: the graph that made the picture, as `prompt` (API format); `workflow` is the canvas.

The graph is walked from the nodes that save pictures to the samplers that made them. A sampler that
adds no noise of its own (`add_noise: disable`, DisableNoise) goes on with the noise of the sampler
before it, whose seed then counts.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from seedwitness.records.target import Claim
from seedwitness.targets.claims.comfyui_graph import (
    LATENT_INPUTS,
    MAX_LINKS,
    MAX_NODES,
    Graph,
    Node,
    as_link,
    find_size,
    make_graph,
)
from seedwitness.targets.claims.comfyui_model import read_model
from seedwitness.targets.claims.comfyui_workflow import make_graph_of_workflow
from seedwitness.targets.claims.reading import (
    FieldFault,
    Settings,
    ToolReading,
    describe_origin,
    try_number,
)
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import shorten_text

TOOL = "ComfyUI"
MAX_SAMPLERS = 16
"""Samplers of a graph that become claims; the others are counted."""
SAVING_KINDS = re.compile(r"save|output|export|websocket|combine(video|image)?$", re.IGNORECASE)
SAMPLER_KINDS = re.compile(r"sampler|denoise", re.IGNORECASE)
NOISE_OFF = ("disable", "disabled", "false", "no", "0")
SEED_INPUTS = ("seed", "noise_seed")


class _Sampler(NamedTuple):
    """A sampler with the nodes that hold its settings: itself, or those that it links to."""

    node: Node
    noise: Node
    guider: Node
    selector: Node
    scheduler: Node


def read(group: FieldGroup) -> ToolReading | None:
    """Read the graphs of a group: `prompt`, any other field of that form, or else `workflow`."""
    claims: list[Claim] = []
    used: set[str] = set()
    faults: list[str] = []
    for key, content in group.objects.items():
        if isinstance(content, dict) and key == "prompt" and len(content) > MAX_NODES:
            raise FieldFault(key, f"{len(content):,} nodes, more than {MAX_NODES:,}")
        graph = make_graph(content)
        if graph is None and isinstance(content, dict) and isinstance(content.get("prompt"), dict):
            graph = make_graph(content["prompt"])  # the whole request to the server
        if graph is None:
            continue
        new_claims, new_faults = _read_graph(graph, group, key)
        claims, faults = claims + new_claims, faults + new_faults
        used.add(key)
    canvas = group.objects.get("workflow")
    if used and isinstance(canvas, dict):
        used.add("workflow")  # the same graph with the nodes' places
    elif isinstance(canvas, dict) and isinstance(canvas.get("nodes"), list):
        graph = make_graph_of_workflow(canvas)
        if graph is not None:
            claims, faults = _read_graph(graph, group, "workflow")
            used.add("workflow")
    for key in ("prompt", "workflow"):
        if key in group.objects and not used:
            raise FieldFault(key, "no graph of nodes")
    return ToolReading(claims, used, faults) if used else None


def _read_graph(graph: Graph, group: FieldGroup, key: str) -> tuple[list[Claim], list[str]]:
    samplers, others = _order_samplers(graph)
    faults: list[str] = []
    origin = describe_origin(group, key)
    if not samplers:
        faults.append("no node that samples was recognised")
        loader = _describe_nodes(graph)
        return [Claim(tool=TOOL, others=origin | {"nodes": loader})], faults
    claims = []
    for number, node in enumerate(samplers[:MAX_SAMPLERS], start=1):
        claim, claim_faults = _make_claim(graph, node, origin, number, len(samplers))
        claims.append(claim)
        faults += claim_faults
    if len(samplers) > MAX_SAMPLERS:
        faults.append(f"{len(samplers) - MAX_SAMPLERS:,} samplers beyond {MAX_SAMPLERS}")
    if others:
        listed = ", ".join(f"{node.id[:20]} ({node.kind[:40]})" for node in others[:5])
        faults.append(f"{len(others)} samplers that do not lead to a saved picture: {listed}")
    return claims, list(dict.fromkeys([*faults, *graph.faults]))


def _order_samplers(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The samplers that made the saved picture, the last first, and those that did not.

    Without a node that saves, or one that leads to a sampler, all samplers count.
    """
    samplers = [node for node in graph.nodes.values() if _is_sampler(node)]
    linked = {link.node for node in graph.nodes.values() for _, link in node.links}
    ends = [node for node in graph.nodes.values() if node.id not in linked and any(node.links)]
    saving = [node for node in ends if SAVING_KINDS.search(node.kind)]
    for candidates in (saving, ends):
        made = [node for node in graph.find_upstream(*candidates) if _is_sampler(node)]
        if made:
            made_ids = {node.id for node in made}
            return made, [node for node in samplers if node.id not in made_ids]
    return samplers, []


def _is_sampler(node: Node) -> bool:
    """Whether a node samples: it takes a latent and settings of sampling, by value or by link."""
    inputs = node.inputs.keys()
    if inputs & {"sampler", "sampler_name"} and inputs & set(LATENT_INPUTS):
        return True
    has_noise = bool(inputs & {*SEED_INPUTS, "noise"})
    return has_noise and (
        ("positive" in inputs and "steps" in inputs and "cfg" in inputs)
        or (bool(SAMPLER_KINDS.search(node.kind)) and bool(inputs & {*LATENT_INPUTS, "steps"}))
    )


def _split_sampler(graph: Graph, node: Node) -> _Sampler:
    return _Sampler(
        node=node,
        noise=graph.follow(node, ("noise",)) or node,
        guider=graph.follow(node, ("guider",)) or node,
        selector=graph.follow(node, ("sampler",)) or node,
        scheduler=_find_scheduler(graph, node) or node,
    )


def _find_scheduler(graph: Graph, node: Node) -> Node | None:
    """The node that makes the noise levels, through nodes that split or flip them."""
    seen: set[str] = set()
    current = graph.follow(node, ("sigmas",))
    while current is not None and current.id not in seen and len(seen) < MAX_LINKS:
        if current.inputs.keys() & {"steps", "scheduler"}:
            return current
        seen.add(current.id)
        current = graph.follow(current, ("sigmas", "sigmas_1", "sigmas1"))
    return current


def _make_claim(
    graph: Graph, node: Node, origin: dict[str, str], number: int, count: int
) -> tuple[Claim, list[str]]:
    parts = _split_sampler(graph, node)
    noise_source = _find_noise_source(graph, node)
    values = _collect_values(graph, parts)
    values["seed"] = None
    if noise_source is not None:
        source = _split_sampler(graph, noise_source)
        values["seed"] = graph.find_value(source.noise, *reversed(SEED_INPUTS))
        if values["seed"] is None and source.noise is not noise_source:
            values["seed"] = graph.find_value(noise_source, *SEED_INPUTS)
    settings = Settings(values)
    positive = parts.guider.link("positive", "conditioning", "cond1", "conditioning_1")
    if positive is None:
        positive = node.link("positive", "conditioning")
    negative = parts.guider.link("negative") or node.link("negative")
    distilled = next((n for n in graph.find_upstream(node) if n.kind == "FluxGuidance"), None)
    width, height, latent = find_size(graph, node)
    batch = try_number(graph.find_value(latent, "batch_size")) if latent is not None else None
    model = read_model(graph, parts.guider if parts.guider.link("model") else node, node)
    others = dict(origin)
    if count > 1:
        others["sampler"] = f"{number} of {count}"
    if noise_source is None:
        others["noise"] = "none is added: the sampler goes on with the noise of its latent"
    elif noise_source is not node:
        others["noise"] = f"of node {noise_source.id[:40]}, because this sampler adds none"
    if distilled is not None:  # another quantity than the guidance scale
        others["distilled guidance"] = str(graph.find_value(distilled, "guidance"))[:40]
    if width is None and latent is not None:
        others["starts from"] = latent.kind
    claim = Claim(
        tool=TOOL,
        prompt=settings.bound_prompt(", ".join(graph.find_texts(positive, "positive"))),
        negative_prompt=settings.bound_prompt(", ".join(graph.find_texts(negative, "negative"))),
        seed=settings.take_integer("seed"),
        sampler=settings.take_text("sampler_name"),
        schedule=settings.take_text("scheduler"),
        steps=settings.take_integer("steps"),
        guidance=settings.take_number("cfg"),
        denoise=_take_denoise(settings),
        width=width,
        height=height,
        batch_size=int(batch) if batch is not None and 1 <= batch <= 1 << 16 else None,
        clip_skip=model.clip_skip,
        model=model.name,
        vae=model.vae,
        loras=model.loras,
    )
    others |= settings.format_others()
    return claim.model_copy(update={"others": others}), settings.faults


def _take_denoise(settings: Settings) -> float | None:
    value = try_number(settings.rest.get("denoise"))
    if value is not None:
        settings.rest.pop("denoise")
    return value


def _collect_values(graph: Graph, parts: _Sampler) -> dict[str, Any]:
    """The settings of a sampler by name, and whatever else its nodes state as values."""
    values: dict[str, Any] = {}
    for name, node, names in (
        ("steps", parts.scheduler, ("steps",)),
        ("cfg", parts.guider, ("cfg", "guidance", "cfg_conds")),
        ("sampler_name", parts.selector, ("sampler_name",)),
        ("scheduler", parts.scheduler, ("scheduler",)),
        ("denoise", parts.scheduler, ("denoise",)),
    ):
        values[name] = graph.find_value(node, *names)
        if values[name] is None and node is not parts.node:
            values[name] = graph.find_value(parts.node, *names)
    if isinstance(parts.node.inputs.get("sampler"), str):
        values["sampler_name"] = values["sampler_name"] or parts.node.inputs["sampler"]
    if values["sampler_name"] is None and parts.selector is not parts.node:
        values["sampler_name"] = parts.selector.kind.removeprefix("Sampler").lower()
    if values["scheduler"] is None and parts.scheduler is not parts.node:
        values["scheduler"] = parts.scheduler.kind.removesuffix("Scheduler").lower()
    for node_id in dict.fromkeys(part.id for part in parts):
        for name, value in graph.nodes[node_id].inputs.items():
            if as_link(value) is None and name not in (*SEED_INPUTS, *values):
                values[name] = value
    return values


def _find_noise_source(graph: Graph, node: Node) -> Node | None:
    """The sampler whose noise a picture starts from: this one, or one before if this adds none."""
    seen: set[str] = set()
    current: Node | None = node
    while current is not None and current.id not in seen and len(seen) < MAX_LINKS:
        seen.add(current.id)
        if _is_sampler(current) and _adds_noise(graph, current):
            return current
        current = graph.follow(current, LATENT_INPUTS)
    return None


def _adds_noise(graph: Graph, node: Node) -> bool:
    noise = graph.follow(node, ("noise",))
    if noise is not None and noise.kind == "DisableNoise":
        return False
    value = graph.find_value(node, "add_noise")
    return value is None or str(value).lower() not in NOISE_OFF


def _describe_nodes(graph: Graph) -> str:
    kinds: dict[str, int] = {}
    for node in graph.nodes.values():
        kinds[node.kind] = kinds.get(node.kind, 0) + 1
    return shorten_text(", ".join(f"{kind} × {n}" if n > 1 else kind for kind, n in kinds.items()))
