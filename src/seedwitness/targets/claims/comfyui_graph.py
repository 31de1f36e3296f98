"""ComfyUI's graph of nodes: links are followed to values, texts, models and sizes.

A graph comes from the file and may be forged: it may have cycles, missing nodes, links of any form
and values of any type. Every walk visits a node at most once and goes a bounded number of links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seedwitness.targets.claims.reading import try_number

MAX_NODES = 20_000
"""Nodes of a graph that is walked; a larger one is named as unread."""
MAX_LINKS = 200
"""Links that are followed one after the other, from a sampler to a value."""
MAX_TEXTS = 32

TEXT_INPUTS = ("populated_text", "text", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "prompt",
               "positive_prompt", "string", "value", "wildcard_text", "text_positive", "positive",
               "String", "STRING", "Text")  # fmt: skip
CONDITIONING_INPUTS = ("conditioning", "conditioning_to", "conditioning_from", "conditioning_1",
                       "conditioning_2", "cond", "cond1", "cond2")  # fmt: skip
VALUE_INPUTS = ("value", "Value", "number", "int", "float", "seed", "noise_seed", "INT", "FLOAT",
                "a", "any_01", "any", "anything", "source", "input", "")  # fmt: skip
SIZE_INPUTS = (("width", "height"), ("empty_latent_width", "empty_latent_height"))
LATENT_INPUTS = ("latent_image", "latent", "samples", "latents", "samples_to", "optional_latent")


class Link(NamedTuple):
    """A link to an output of a node."""

    node: str
    slot: int


@dataclass(frozen=True)
class Node:
    """A node: its class and its inputs, which are values or links."""

    id: str
    kind: str
    inputs: Mapping[str, Any]
    title: str = ""

    def link(self, *names: str) -> Link | None:
        """The first of some inputs that is a link."""
        links = (as_link(self.inputs.get(name)) for name in names)
        return next((link for link in links if link is not None), None)

    @property
    def links(self) -> Iterator[tuple[str, Link]]:
        """All inputs that are links, by name."""
        for name, value in self.inputs.items():
            link = as_link(value)
            if link is not None:
                yield name, link


@dataclass
class Graph:
    """The nodes by id. ``faults`` collects what could not be followed."""

    nodes: dict[str, Node]
    faults: list[str] = field(default_factory=list)

    def target(self, link: Link | None) -> Node | None:
        """The node that a link leads to; None, and a fault, if there is none."""
        if link is None:
            return None
        node = self.nodes.get(link.node)
        if node is None:
            self._report(f"a link leads to node {link.node[:40]}, which is not there")
        return node

    def find_upstream(self, *starts: Node) -> Iterator[Node]:
        """The nodes ``starts`` and every node that they depend on, nearest first, each once."""
        waiting = [node.id for node in starts]
        seen = set(waiting)
        while waiting:
            following: list[str] = []
            for node_id in waiting:
                yield self.nodes[node_id]
                for _, link in self.nodes[node_id].links:
                    if link.node in self.nodes and link.node not in seen:
                        seen.add(link.node)
                        following.append(link.node)
            waiting = following

    def follow(self, node: Node, names: tuple[str, ...]) -> Node | None:
        """Follow the first of some inputs that is a link, through nodes that pass it on.

        A node passes on if it has an input of one of the same names.
        """
        link = node.link(*names)
        return self.target(link)

    def find_value(self, node: Node, *names: str) -> Any:
        """The value of the first of some inputs that is set, by links if need be; None without."""
        for name in names:
            if name not in node.inputs:
                continue
            value = node.inputs[name]
            link = as_link(value)
            if link is None:
                if value is not None and not isinstance(value, dict | list):
                    return value
                continue
            found = self._follow_value(link, (*names, *VALUE_INPUTS))
            if found is not None:
                return found
            self._report(f"`{name}` of node {node.id[:40]} ({node.kind[:60]}) leads to no value")
        return None

    def _follow_value(self, link: Link, names: tuple[str, ...]) -> Any:
        seen: set[str] = set()
        current: Link | None = link
        while current is not None and current.node not in seen and len(seen) < MAX_LINKS:
            seen.add(current.node)
            node = self.target(current)
            if node is None:
                return None
            current = None
            present = [name for name in names if name in node.inputs]
            for name in present:
                value = node.inputs[name]
                if as_link(value) is None and isinstance(value, int | float | str):
                    return value
            current = node.link(*present)
            if current is None:
                values = [v for v in node.inputs.values() if isinstance(v, int | float)]
                if len(values) == 1:
                    return values[0]
                links = [each for _, each in node.links]
                current = links[0] if len(links) == 1 else None
        return None

    def find_texts(self, link: Link | None, side: str) -> list[str]:
        """The texts of a conditioning, in the order of the graph; ``side`` is positive or negative.

        Follows combinations, ControlNets and nodes with an output for each side.
        """
        texts: list[str] = []
        waiting: list[tuple[Link, int]] = [(link, 0)] if link else []
        seen: set[str] = set()
        while waiting:
            current, depth = waiting.pop(0)
            if current.node in seen:
                continue
            if depth > MAX_LINKS or len(texts) >= MAX_TEXTS:
                self._report(f"the {side} prompt is more than {MAX_LINKS} links away")
                break
            seen.add(current.node)
            node = self.target(current)
            if node is None or node.kind == "ConditioningZeroOut":
                continue
            own, following = self._read_conditioning(node, side)
            texts += [text for text in own if text not in texts]
            waiting = [(each, depth + 1) for each in following] + waiting
        return texts

    def _read_conditioning(self, node: Node, side: str) -> tuple[list[str], list[Link]]:
        """The texts of one node, or the links by which its conditioning goes on."""
        passed = [link for name in (*CONDITIONING_INPUTS, side) if (link := node.link(name))]
        if passed and not _encodes_text(node):
            return [], passed
        if isinstance(node.inputs.get(side), str):  # a loader that holds both texts
            return [node.inputs[side]], []
        other = "negative" if side == "positive" else "positive"
        names = [name for name in TEXT_INPUTS if name in node.inputs and name != other]
        texts = [text for name in names if (text := self.find_text(node, name)) is not None]
        if texts:
            return list(dict.fromkeys(text for text in texts if text.strip())), []
        links = [link for _, link in node.links] if not names else []
        return [], passed or links[:1]

    def find_text(self, node: Node, name: str) -> str | None:
        """The text of an input, joined from several nodes if it is a link to such; None without."""
        value = node.inputs.get(name)
        link = as_link(value)
        if link is None:
            return value if isinstance(value, str) else None
        pieces = self._collect_strings(link, set(), 0)
        if not pieces:
            self._report(f"`{name}` of node {node.id[:40]} ({node.kind[:60]}) leads to no text")
            return None
        return "".join(pieces)

    def _collect_strings(self, link: Link, seen: set[str], depth: int) -> list[str]:
        node = self.target(link)
        if node is None or node.id in seen or depth > MAX_LINKS // 2:
            return []
        seen.add(node.id)
        delimiter = node.inputs.get("delimiter", node.inputs.get("separator"))
        pieces: list[str] = []
        names = sorted(filter(_is_text_name, node.inputs), key=_rank_text_name)
        for name in names or [name for name in VALUE_INPUTS if name in node.inputs]:
            value = node.inputs[name]
            following = as_link(value)
            if following is not None:
                piece = "".join(self._collect_strings(following, seen, depth + 1))
            elif isinstance(value, str):
                piece = value
            else:
                continue
            if piece:
                pieces.append(piece)
            if pieces and not _joins_texts(node):
                break
        if delimiter is not None and isinstance(delimiter, str):
            return [delimiter.join(pieces)] if pieces else []
        return [", ".join(pieces)] if pieces else []

    def _report(self, fault: str) -> None:
        if fault not in self.faults and len(self.faults) < 20:
            self.faults.append(fault)


def as_link(value: Any) -> Link | None:
    """A value as a link, which is a list of a node's id and an output's number; None if it is not.

    The id is text, in some tools a number.
    """
    if not isinstance(value, list) or len(value) != 2 or isinstance(value[1], bool):
        return None
    if not isinstance(value[0], str | int) or not isinstance(value[1], int):
        return None
    return Link(str(value[0]), value[1])


def make_graph(content: Any) -> Graph | None:
    """Make the graph of an object in ComfyUI's API format; None if it is none."""
    if not isinstance(content, dict) or len(content) > MAX_NODES:
        return None
    nodes = {}
    for key, value in content.items():
        if isinstance(value, dict) and isinstance(value.get("class_type"), str):
            inputs = value.get("inputs")
            meta = value.get("_meta")
            title = meta.get("title") if isinstance(meta, dict) else ""
            nodes[key] = Node(
                key, value["class_type"], inputs if isinstance(inputs, dict) else {}, str(title)
            )
    return Graph(nodes) if nodes else None


def find_size(graph: Graph, node: Node) -> tuple[int | None, int | None, Node | None]:
    """Width and height of the latent that a sampler starts from, and the node that states them.

    Follows the latent's links; a sampler on the way passes its own latent on.
    """
    seen: set[str] = set()
    scale = 1.0
    current: Node | None = node
    while current is not None and current.id not in seen and len(seen) < MAX_LINKS:
        seen.add(current.id)
        for names in SIZE_INPUTS if current is not node else ():
            if not set(names) <= current.inputs.keys():
                continue
            sides = [try_number(graph.find_value(current, name)) for name in names]
            if all(side is not None and 0 < side * scale < 1e6 for side in sides):
                # Latents are scaled to whole elements, of eight pixels a side.
                width, height = (8 * round((side or 0) / 8 * scale) for side in sides)
                if scale == 1:
                    width, height = (int(side or 0) for side in sides)
                return width, height, current
        factor = try_number(current.inputs.get("scale_by"))
        scale *= factor if factor is not None and 0 < factor < 100 else 1
        current = graph.follow(current, LATENT_INPUTS)
    return None, None, current


def _encodes_text(node: Node) -> bool:
    return "clip" in node.inputs and any(name in node.inputs for name in TEXT_INPUTS)


def _is_text_name(name: str) -> bool:
    lower = name.lower()
    return name in TEXT_INPUTS or lower.startswith(("text", "string", "prompt"))


def _rank_text_name(name: str) -> int:
    return TEXT_INPUTS.index(name) if name in TEXT_INPUTS else len(TEXT_INPUTS)


def _joins_texts(node: Node) -> bool:
    kind = node.kind.lower()
    return any(word in kind for word in ("concat", "join", "combine", "append"))
