"""ComfyUI's `workflow`, the canvas, as a graph: for a picture that has no `prompt`.

A node of the canvas has its links by number and the values of its widgets in a list, without names.
The names are known for the usual nodes; newer versions state them with the inputs.
"""

from __future__ import annotations

from typing import Any

from seedwitness.targets.claims.comfyui_graph import MAX_NODES, Graph, Node

WIDGETS: dict[str, tuple[str, ...]] = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        "add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler",
        "start_at_step", "end_at_step", "return_with_leftover_noise",
    ),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CLIPTextEncode": ("text",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "VAELoader": ("vae_name",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "RandomNoise": ("noise_seed", ""),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "CFGGuider": ("cfg",),
    "FluxGuidance": ("guidance",),
    "SamplerCustom": ("add_noise", "noise_seed", "", "cfg"),
    "PrimitiveNode": ("value",),
}  # fmt: skip
"""Class → names of its widgets in order; the empty name is the rule by which a seed changes."""
BYPASSED = (2, 4)
"""Modes of nodes that do not run: muted and bypassed."""


def make_graph_of_workflow(canvas: dict[str, Any]) -> Graph | None:
    """Make the graph of a canvas, without the nodes that do not run; None if it has no node."""
    listed = canvas.get("nodes")
    if not isinstance(listed, list) or len(listed) > MAX_NODES:
        return None
    links = _read_links(canvas.get("links"))
    nodes: dict[str, Node] = {}
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("mode") in BYPASSED:
            continue
        node_id, kind = str(entry.get("id")), str(entry.get("type"))
        nodes[node_id] = Node(node_id, kind, _read_inputs(entry, kind, links))
    return Graph(nodes) if nodes else None


def _read_links(listed: Any) -> dict[Any, list[Any]]:
    """Link number → origin's id and slot; a link is a list or, in newer versions, an object."""
    links: dict[Any, list[Any]] = {}
    for link in listed if isinstance(listed, list) else ():
        if isinstance(link, list) and len(link) >= 4 and isinstance(link[0], int):
            links[link[0]] = [str(link[1]), link[2]]
        elif isinstance(link, dict) and isinstance(link.get("id"), int):
            links[link["id"]] = [str(link.get("origin_id")), link.get("origin_slot")]
    return links


def _read_inputs(entry: dict[str, Any], kind: str, links: dict[Any, list[Any]]) -> dict[str, Any]:
    values = entry.get("widgets_values")
    inputs: dict[str, Any] = {}
    if isinstance(values, dict):
        inputs |= values
    elif isinstance(values, list):
        names = WIDGETS.get(kind)
        if names is not None:
            inputs |= {name: value for name, value in zip(names, values, strict=False) if name}
        elif len(values) == 1:
            inputs["value"] = values[0]
    declared = entry.get("inputs")
    for item in declared if isinstance(declared, list) else ():
        number = item.get("link") if isinstance(item, dict) else None
        if isinstance(number, int) and number in links:
            inputs[str(item.get("name"))] = links[number]
    return inputs
