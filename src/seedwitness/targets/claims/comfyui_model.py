"""The model of a sampler in ComfyUI's graph: checkpoint, adapters, clip skip and VAE."""

from __future__ import annotations

from typing import NamedTuple

from seedwitness.records.target import ClaimedLora
from seedwitness.targets.claims.comfyui_graph import MAX_LINKS, Graph, Node
from seedwitness.targets.claims.reading import try_number
from seedwitness.targets.text_cleaning import shorten_text


class GraphModel(NamedTuple):
    """The checkpoint of a sampler and what is changed of it."""

    name: str | None
    vae: str | None
    clip_skip: int | None
    loras: list[ClaimedLora]


def read_model(graph: Graph, holder: Node, sampler: Node) -> GraphModel:
    """Read the checkpoint, adapters, clip skip and VAE of a sampler.

    ``holder`` is the node that takes the model: the sampler itself, or its guider.
    """
    loras: list[ClaimedLora] = []
    names = ("ckpt_name", "unet_name", "model_name", "base_ckpt_name", "gguf_name", "model_path")
    name = None
    seen: set[str] = set()
    current = graph.follow(holder, ("model", "base_model", "basic_pipe", "pipe"))
    while current is not None and current.id not in seen and len(seen) < MAX_LINKS:
        seen.add(current.id)
        loras += _list_loras(graph, current)
        value = graph.find_value(current, *names)
        if isinstance(value, str):
            name = shorten_text(value)
            break
        current = graph.follow(current, ("model", "base_model", "model1", "lora_stack", "pipe"))
    clip_skip = None
    vae = None
    for node in graph.find_upstream(sampler):
        names_of_layer = {"stop_at_clip_layer", "clip_skip"} & node.inputs.keys()
        if clip_skip is None and names_of_layer:
            layer = try_number(graph.find_value(node, "stop_at_clip_layer", "clip_skip"))
            clip_skip = -int(layer) if layer is not None and -99 < layer < 0 else None
    for node in graph.nodes.values():
        value = node.inputs.get("vae_name")
        if vae is None and isinstance(value, str) and value not in ("Baked VAE", "None"):
            vae = shorten_text(value)
    return GraphModel(name, vae, clip_skip, loras[:100])


def _list_loras(graph: Graph, node: Node) -> list[ClaimedLora]:
    loras = []
    value = node.inputs.get("lora_name")
    if isinstance(value, str):
        weight = try_number(graph.find_value(node, "strength_model", "lora_model_strength"))
        loras.append(ClaimedLora(name=shorten_text(value), weight=weight))
    for entry in node.inputs.values():  # rgthree's loader of several
        if isinstance(entry, dict) and isinstance(entry.get("lora"), str) and entry.get("on", True):
            weight = try_number(entry.get("strength"))
            loras.append(ClaimedLora(name=shorten_text(entry["lora"]), weight=weight))
    return [lora for lora in loras if lora.name not in ("None", "")]
