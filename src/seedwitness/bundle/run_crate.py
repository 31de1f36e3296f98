"""``ro-crate-metadata.json``: the run as a Workflow Run Crate 0.5, made from the files of DVC.

The workflow is ``dvc.yaml``, and its run an action; so is each stage of ``dvc.lock``, with its
inputs, outputs, parameters, the time at which its outputs were there, and the program's version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from mimetypes import guess_type
from typing import Any
from urllib.parse import quote

import yaml

from seedwitness.bundle.layout import README, SEALS
from seedwitness.bundle.record import BundleRecord

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
LANGUAGE, PROGRAM = "https://dvc.org", "urn:seedwitness:program"
AGENT, NO_LICENSE = "#maker", "#no-licence"
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
WORKFLOWS = re.compile(r"(?:data/targets/[^/]+/)?dvc\.yaml")
FALLBACK_WORKFLOW = "params.yaml"
LICENSE = "No licence is granted by this bundle; ask whoever gave it to you."
COMPLETED = "http://schema.org/CompletedActionStatus"


@dataclass(frozen=True)
class StageRun:
    """A stage as a lock file of DVC records it; paths are seen from the project's root."""

    name: str
    command: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    """MD5 by path, which ends in ``.dir`` for a folder."""
    parameters: dict[str, Any]


def read_lock(content: bytes, folder: str) -> list[StageRun]:
    """The stages of the lock file in ``folder``, in its order."""
    return list(parse_lock(yaml.safe_load(content), folder))


def parse_lock(lock: Any, folder: str) -> Iterator[StageRun]:
    """The stages of a lock file that was read; ``folder`` is that of its pipeline."""
    for name, stage in (lock or {}).get("stages", {}).items():
        command = stage.get("cmd", "")
        yield StageRun(
            name=f"{folder.rpartition('/')[2]}: {name}" if folder else str(name),
            command="; ".join(command) if isinstance(command, list) else str(command),
            inputs=_read_hashes(stage.get("deps", ())),
            outputs=_read_hashes(stage.get("outs", ())),
            parameters={
                str(key): value
                for values in stage.get("params", {}).values()
                for key, value in values.items()
            },
        )


def _read_hashes(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(each["path"]): str(each.get("md5", "")) for each in entries}


def make_crate(
    record: BundleRecord, stages: Sequence[StageRun], files: Mapping[str, tuple[int, str]]
) -> bytes:
    """The metadata of a crate; ``files`` are size and SHA-256 of all that the manifest lists."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.name = f"Evidence on the image {record.target}"
    crate.description = (
        "Whether text-to-image checkpoints can bring an image back: the report by seedwitness, "
        "with everything that is needed to check it. README.md says how."
    )
    crate.datePublished = record.made
    crate.root_dataset["license"] = {"@id": NO_LICENSE}
    crate.root_dataset["author"] = crate.root_dataset["publisher"] = {"@id": AGENT}
    crate.root_dataset["conformsTo"] = [{"@id": profile} for profile in PROFILES]
    crate.metadata["conformsTo"] = [
        {"@id": "https://w3id.org/ro/crate/1.1"},
        {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
    ]
    crate.metadata.extra_contexts.append(CONTEXT)
    workflow = _choose_workflow(files)
    for entity in _list_context(record, stages, files, workflow):
        crate.add(ContextEntity(crate, entity.pop("@id"), entity))
    for name, (size, sha256) in sorted(files.items()):
        about: dict[str, Any] = {
            "name": name,
            "contentSize": str(size),
            "sha256": sha256,
            "encodingFormat": guess_type(name)[0] or "application/octet-stream",
        }
        if name == README:
            about["about"] = {"@id": "./"}
        if name == workflow:
            about |= _describe_workflow(record, stages, files)
        crate.add_file(dest_path=name, properties=about)
    crate.root_dataset["mainEntity"] = {"@id": to_identifier(workflow)}
    actions = [_name_action(number) for number in range(len(stages))]
    crate.root_dataset["mentions"] = _one_or_all(["#run", *actions])
    return json.dumps(crate.metadata.generate(), indent=1, sort_keys=True).encode() + b"\n"


def _choose_workflow(files: Mapping[str, object]) -> str:
    """The target's pipeline, or the shared one; the settings where no pipeline is there."""
    names = sorted(name for name in files if WORKFLOWS.fullmatch(name))
    return names[0] if names else FALLBACK_WORKFLOW


def to_identifier(name: str) -> str:
    """The identifier of a file in the crate: its path, as in an address."""
    return quote(name)


def _one_or_all(identifiers: Sequence[str]) -> Any:
    """References as JSON-LD has them: one by itself, and several as a list."""
    references = [{"@id": each} for each in identifiers]
    return references[0] if len(references) == 1 else references


def _name_action(number: int) -> str:
    return f"#stage-{number:03}"


def _describe_workflow(
    record: BundleRecord, stages: Sequence[StageRun], files: Mapping[str, object]
) -> dict[str, Any]:
    others = sorted(name for name in files if WORKFLOWS.fullmatch(name))[1:]
    return {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "The stages by which the image was examined",
        "conformsTo": {"@id": BIOSCHEMAS},
        "programmingLanguage": {"@id": LANGUAGE},
        "creator": {"@id": AGENT},
        "author": {"@id": AGENT},
        "version": record.revision or record.version,
        "hasPart": _one_or_all([to_identifier(name) for name in others]),
        "softwareRequirements": {"@id": PROGRAM},
    }


def _list_context(
    record: BundleRecord,
    stages: Sequence[StageRun],
    files: Mapping[str, tuple[int, str]],
    workflow: str,
) -> Iterator[dict[str, Any]]:
    for identifier, (name, version) in PROFILES.items():
        yield {"@id": identifier, "@type": "CreativeWork", "name": name, "version": version}
    yield {
        "@id": LANGUAGE,
        "@type": "ComputerLanguage",
        "name": "DVC",
        "identifier": {"@id": LANGUAGE},
        "url": {"@id": LANGUAGE},
    }
    yield {"@id": BIOSCHEMAS, "@type": "CreativeWork", "name": "ComputationalWorkflow profile"}
    yield {
        "@id": PROGRAM,
        "@type": "SoftwareApplication",
        "name": "seedwitness",
        "softwareVersion": record.version,
    }
    yield {"@id": AGENT, "@type": "Organization", "name": "whoever made the bundle"}
    yield {
        "@id": NO_LICENSE,
        "@type": "CreativeWork",
        "name": "No licence",
        "description": LICENSE,
    }
    ended = {each.stage: each.ended for each in record.stage_times}
    reports = [name for name in sorted(files) if name.startswith("reports/")]
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Examination of {record.target}",
        "description": f"All stages of {record.target}, as the lock files of DVC record them.",
        "instrument": {"@id": to_identifier(workflow)},
        "agent": {"@id": AGENT},
        "endTime": max(ended.values(), default=record.made),
        "actionStatus": {"@id": COMPLETED},
        "object": {"@id": "params.yaml"},
        "result": _one_or_all([to_identifier(name) for name in reports]),
    }
    for number, stage in enumerate(stages):
        yield from _list_action(number, stage, ended, files)
    yield {"@id": COMPLETED, "@type": "ActionStatusType", "name": "completed"}


def _list_action(
    number: int, stage: StageRun, ended: Mapping[str, str], files: Mapping[str, object]
) -> Iterator[dict[str, Any]]:
    action = _name_action(number)
    places = {
        kind: [_find_entity(action, kind, path, md5, files) for path, md5 in paths.items()]
        for kind, paths in (("input", stage.inputs), ("output", stage.outputs))
    }
    parameters = [
        {
            "@id": f"{action}-parameter-{place}",
            "@type": "PropertyValue",
            "name": name,
            "value": json.dumps(value, sort_keys=True),
        }
        for place, (name, value) in enumerate(sorted(stage.parameters.items()))
    ]
    yield {
        "@id": action,
        "@type": "CreateAction",
        "name": stage.name,
        "description": stage.command,
        "instrument": {"@id": PROGRAM},
        "agent": {"@id": AGENT},
        "actionStatus": {"@id": COMPLETED},
        "object": _one_or_all(
            [*(each[0] for each in places["input"]), *(str(each["@id"]) for each in parameters)]
        ),
        "result": _one_or_all([each[0] for each in places["output"]]),
        **({"endTime": ended[stage.name]} if stage.name in ended else {}),
    }
    yield from parameters
    for identifier, entity in (*places["input"], *places["output"]):
        if entity is not None:
            yield {"@id": identifier, **entity}


def _find_entity(
    action: str, kind: str, path: str, md5: str, files: Mapping[str, object]
) -> tuple[str, dict[str, Any] | None]:
    """The identifier of a file or folder; with its own entity where the bundle has it not."""
    if path in files:
        return to_identifier(path), None
    about = {
        "@type": "CreativeWork",
        "name": path,
        "description": "A file or folder that DVC hashed"
        + ("; its files are in the bundle" if _has_folder(path, files) else ", by its hash alone"),
        "identifier": f"md5:{md5}" if md5 else "no hash recorded",
    }
    return f"{action}-{kind}-{quote(path, safe='')}", about


def _has_folder(path: str, files: Mapping[str, object]) -> bool:
    return any(name.startswith(f"{path}/") for name in files if name not in SEALS)
