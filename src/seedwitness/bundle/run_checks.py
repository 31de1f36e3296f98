"""Checks of what DVC recorded of the run, and of the crate that describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import md5
from typing import Any
from urllib.parse import unquote

from seedwitness.bundle import layout
from seedwitness.bundle.container import Bundle, read_file
from seedwitness.bundle.manifest import read_manifest
from seedwitness.bundle.opened import Finding, NotCheckable, OpenedBundle
from seedwitness.bundle.run_crate import COMPLETED, PROFILES, StageRun, parse_lock, to_identifier
from seedwitness.bundle.safe_documents import read_json, read_yaml

SHOWN = 3


def check_lock(opened: OpenedBundle) -> Finding:
    """Compare the hashes that DVC recorded with the files, and with folders that are whole here."""
    stages = _read_stages(opened)
    if not stages:
        raise NotCheckable("There is no dvc.lock: the stages were not run by DVC.")
    record = opened.record
    changed = {*record.hidden, *(each.path for each in record.left_out)}
    wrong, count = [], 0
    for path, expected in _list_hashes(stages):
        found = hash_for_dvc(opened.bundle, path, changed)
        if found is None or not expected:
            continue
        count += 1
        if found != expected and path not in wrong:
            wrong.append(path)
    if wrong:
        return wrong, f"DVC recorded other contents of {', '.join(wrong[:SHOWN])}"
    return [], f"{count} hashes by DVC of inputs and outputs of {len(stages)} stages hold"


def _read_stages(opened: OpenedBundle) -> list[StageRun]:
    names = [name for name in sorted(opened.bundle.sizes) if name.endswith("dvc.lock")]
    return [
        stage
        for name in names
        for stage in parse_lock(read_yaml(opened.bundle, name), name.rpartition("/")[0])
    ]


def _list_hashes(stages: list[StageRun]) -> Iterator[tuple[str, str]]:
    """Each path with the hash that its last stage saw: outputs, and inputs that nothing wrote."""
    written = {path: digest for stage in stages for path, digest in stage.outputs.items()}
    yield from written.items()
    for stage in stages:
        yield from ((p, digest) for p, digest in stage.inputs.items() if p not in written)


def hash_for_dvc(bundle: Bundle, path: str, changed: set[str]) -> str | None:
    """MD5 of a file, or of a folder's list as DVC hashes it; None where that is not to be had.

    DVC's hash of a folder is that of a list of its files, so one of which the bundle holds only a
    part has none here.
    """
    if path in bundle.sizes:
        return None if path in changed else _md5(bundle, path)
    names = [name for name in sorted(bundle.sizes) if name.startswith(f"{path}/")]
    if not names or not path.startswith("reports/") or changed & {*names}:
        return None
    if any(each.startswith(f"{path}/") for each in changed):
        return None
    parts = [tuple(name.removeprefix(f"{path}/").split("/")) for name in names]
    ordered = sorted(zip(parts, names, strict=True))
    listed = [{"md5": _md5(bundle, name), "relpath": "/".join(part)} for part, name in ordered]
    return (
        md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
    )


def _md5(bundle: Bundle, name: str) -> str:
    return md5(read_file(bundle, name), usedforsecurity=False).hexdigest()


def check_crate(opened: OpenedBundle) -> Finding:
    """Whether the crate describes exactly these files and stages, by the profiles that it names."""
    graph = {each["@id"]: each for each in read_json(opened.bundle, layout.CRATE)["@graph"]}
    hashes = read_manifest(opened.bundle)
    files = {
        unquote(identifier): entity["sha256"]
        for identifier, entity in graph.items()
        if "File" in _as_list(entity.get("@type")) and "sha256" in entity
    }
    expected = {name: digest for name, digest in hashes.items() if name != layout.CRATE}
    if wrong := sorted(n for n in {**files, **expected} if files.get(n) != expected.get(n)):
        return [layout.CRATE, *wrong], f"it describes other files: {', '.join(wrong[:SHOWN])}"
    root = graph["./"]
    profiles = {each["@id"] for each in _as_list(root["conformsTo"])}
    if not set(PROFILES) <= profiles or root["mainEntity"]["@id"] not in graph:
        return [layout.CRATE], "it is no Workflow Run Crate 0.5"
    stages = _read_stages(opened)
    actions = [
        each
        for each in graph.values()
        if each["@id"].startswith("#stage-") and each["@type"] == "CreateAction"
    ]
    described = {(each["name"], each["description"], _list_ids(each["result"])) for each in actions}
    for number, stage in enumerate(stages):
        results = {
            to_identifier(p) if p in opened.bundle.sizes else f"#stage-{number:03}-output-"
            for p in stage.outputs
        }
        fits = any(
            name == stage.name
            and text == stage.command
            and all(any(each.startswith(r) for each in ids) for r in results)
            for name, text, ids in described
        )
        if not fits or len(actions) != len(stages):
            return [layout.CRATE], f"its actions are not the stages of dvc.lock: {stage.name}"
    if any(each["actionStatus"]["@id"] != COMPLETED for each in actions):
        return [layout.CRATE], "it names an action that did not complete"
    return [], f"Workflow Run Crate 0.5 with {len(files)} files and {len(actions)} stages"


def _list_ids(value: Any) -> tuple[str, ...]:
    return tuple(each["@id"] for each in _as_list(value))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
