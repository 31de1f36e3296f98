"""``seedwitness doctor``: checks the installation and the inputs that the project names.

Each check is one line: packages, machine, parameters, targets, checkpoints, weights and images.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from seedwitness.commands.stamp import check_stamps
from seedwitness.config.inputs import DESCRIPTIONS, CheckpointSettings
from seedwitness.config.params import Params, load_params
from seedwitness.config.reading import FILE_NAME
from seedwitness.config.targets import (
    FOLDER,
    TargetSettings,
    explain_restore,
    image_path,
    list_targets,
)
from seedwitness.errors import (
    CheckpointError,
    ConfigError,
    PictureError,
    RecordError,
    SeedwitnessError,
)
from seedwitness.records.attempts import require_whole_log
from seedwitness.runtime.hashes import sha256_file
from seedwitness.runtime.installation import Check, State, check_machine, check_packages

CLIP_CONFIG = "open_clip_config.json"
CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


def inspect_installation(*, gpu: bool = False) -> list[Check]:
    """Run all checks of the installation and of the project in the working directory."""
    return [*check_packages(), *check_machine(gpu=gpu), *_check_project()]


def find_missing_inputs() -> list[Check]:
    """The inputs that the project names and that do not exist; no tensors are read."""
    checks = _check_project(read_weights=False)
    return [check for check in checks if check.state == "missing" and check.group != "results"]


def find_wrong_checkpoints() -> list[Check]:
    """The checkpoints that are here and that no stage could use; their tensors are not read."""
    params = load_params(Path(FILE_NAME))
    checks = [_check_checkpoint(name, settings) for name, settings in params.checkpoints.items()]
    return [check for check in checks if check.state == "wrong"]


def find_missing_results() -> list[Check]:
    """The results that lock files name and that are not here, one check a target."""
    missing: dict[str, list[str]] = {}
    for lock in (Path("dvc.lock"), *sorted(FOLDER.glob("*/dvc.lock"))):
        if lock.is_file():
            owner = f"target {lock.parent.name}" if lock.parent.name else "all targets"
            stages = yaml.safe_load(lock.read_text(encoding="utf-8")).get("stages", {}).values()
            outs = [out["path"] for stage in stages for out in stage.get("outs", ())]
            if lost := [out for out in outs if not Path(out).exists()]:
                missing[owner] = lost
    return [
        Check(
            "results",
            owner,
            "missing",
            f"no {', '.join(lost[:3])}{f', and {len(lost) - 3} more' if lost[3:] else ''}",
            "`dvc pull` fetches them from a remote that has them; `seedwitness run` computes them.",
        )
        for owner, lost in missing.items()
    ]


def format_lines(checks: list[Check]) -> Iterator[str]:
    """The checks as lines: a heading for each group, and remedies where they are needed."""
    width = max(len(check.name) for check in checks)
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            yield f"\n{group}"
        remedy = f" {check.remedy}" if check.remedy and check.state != "ok" else ""
        yield f"  {check.state:8} {check.name:{width}}  {check.detail}{'.' * bool(remedy)}{remedy}"
    failed = [check.name for check in checks if check.is_required]
    yield (
        f"\n{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}"
        if failed
        else f"\nAll {len(checks)} checks passed."
    )


def _check_project(*, read_weights: bool = True) -> Iterator[Check]:
    """Check parameters, targets, checkpoints, weights, images and the record.

    If the parameters cannot be read, nothing else is checked. With ``read_weights`` targets and
    weights are read: their hashes are compared with those that are recorded.
    """
    path = Path(FILE_NAME)
    try:
        params = load_params(path)
    except ConfigError as error:
        state: State = "wrong" if path.exists() else "missing"
        yield Check("project", FILE_NAME, state, str(error))
        return
    yield Check("project", FILE_NAME, "ok", f"{len(params.checkpoints)} checkpoints")
    yield from _check_targets(read=read_weights)
    for name, checkpoint in params.checkpoints.items():
        yield _check_checkpoint(name, checkpoint)
    yield from _check_all_weights(params, read=read_weights)
    yield from _check_images(params)
    yield from find_missing_results()
    if read_weights:
        yield _check_log()
        yield _check_stamps()


def _check_targets(*, read: bool) -> Iterator[Check]:
    try:
        targets = list_targets()
    except ConfigError as error:
        yield Check("targets", str(FOLDER), "wrong", str(error))
        return
    if not targets:
        remedy = "`seedwitness add IMAGE` adds one."
        yield Check("targets", str(FOLDER), "missing", "no target", remedy, FOLDER)
    for name, target in targets.items():
        path = image_path(name, target)
        remedy = (
            f"`dvc pull {path}.dvc` fetches it from a remote that has it, and `make demo` draws "
            f"the targets of the demonstration; `seedwitness remove {name}` removes the target."
        )
        state: State = "ok" if path.is_file() else "missing"
        detail = str(path) if state == "ok" else f"no {path}"
        if state == "ok" and read and (difference := _compare_pixels(path, target)):
            state, detail, remedy = "wrong", difference, explain_restore(path)
        yield Check("targets", name, state, detail, remedy, path)


def _compare_pixels(path: Path, target: TargetSettings) -> str:
    """How an image differs from the one that was added; empty if it does not."""
    from seedwitness.targets.target_reader import hash_target_pixels

    try:
        is_same = hash_target_pixels(path, "") == target.pixels_sha256
    except PictureError as error:
        return str(error).rstrip(". ")
    return "" if is_same else f"{path} is another image than the one that was added"


def _check_log() -> Check:
    """Check that no entry of the log of attempts is missing or altered."""
    try:
        log = require_whole_log()
    except RecordError as error:
        return Check("record", "log of attempts", "wrong", str(error))
    return Check("record", "log of attempts", "ok", f"{len(log.entries)} entries")


def _check_stamps() -> Check:
    """Check the time stamps of all plans."""
    try:
        stamps = check_stamps()
    except SeedwitnessError as error:
        return Check("record", "stamps of plans", "wrong", str(error))
    stamped = sum(bool(those) for those in stamps.values())
    return Check("record", "stamps of plans", "ok", f"{stamped} of {len(stamps)} plans stamped")


def _check_checkpoint(name: str, settings: CheckpointSettings) -> Check:
    """Check a checkpoint by all that stages check before they read its tensors."""
    from seedwitness.checkpoints.identity import inspect_checkpoint

    remedy = f"Fetch it: `{settings.fetch}`." if settings.fetch else "Put the checkpoint there."
    path = settings.path
    required = [path / "model_index.json" if settings.family == "diffusers" else path]
    is_folder = settings.config and str(settings.config) not in DESCRIPTIONS
    required += [settings.config / "model_index.json"] if settings.config and is_folder else []
    if absent := next((file for file in required if not file.is_file()), None):
        return Check("checkpoints", name, "missing", f"no {absent}", remedy, absent)
    try:
        inspection = inspect_checkpoint(settings)
    except CheckpointError as error:
        # A clone that pulled results may do without weights, but not with wrong ones.
        state: State = "missing" if str(error).startswith("There is no ") else "wrong"
        return Check("checkpoints", name, state, str(error).rstrip("."), path=path)
    family, size = inspection.files.family.name, inspection.size / 1e6
    return Check("checkpoints", name, "ok", f"{path}, {family}, {size:.0f} MB")


def _check_all_weights(params: Params, *, read: bool) -> Iterator[Check]:
    paths = {"clip": params.clip.path}
    paths |= {f"score.weights.{name}": path for name, path in params.score.weights.items()}
    for name, path in paths.items():
        yield _check_weights(name, path, read=read)


def _check_images(params: Params) -> Iterator[Check]:
    """Check the folders of images, and the files, that a user provides."""
    learned = params.controls.learned.folders if params.controls.learned else {}
    folders = {"corpus": params.corpus.path, "controls": params.controls.path}
    folders |= {f"controls.learned.folders.{name}": path for name, path in learned.items()}
    files = {f"controls.similar_to, {path.name}": path for path in params.controls.similar_to}
    files |= {"recover.phrases": params.recover.phrases} if params.recover.phrases else {}
    for name, path in (folders | files).items():
        exists = path.is_dir() if name in folders else path.is_file()
        remedy = "`make demo` makes the images of the lab; put your own images there."
        detail = str(path) if exists else f"no {path}"
        yield Check("pictures", name, "ok" if exists else "missing", detail, remedy, path)


def _check_weights(name: str, path: Path, *, read: bool) -> Check:
    """Check a weights file, or a folder that holds one, against the SHA-256 of its card."""
    remedy = (
        "`make lab` trains the weights of the lab; the files of conf/score and conf/clip say how "
        "to download published weights."
    )
    is_folder = path.is_dir()
    file = path
    if is_folder:
        clip_files = [path / name for name in CLIP_WEIGHTS]
        others = sorted(entry for entry in path.iterdir() if entry.suffix in WEIGHT_SUFFIXES)
        file = next((entry for entry in (*clip_files, *others) if entry.is_file()), path)
    card = path / CLIP_CONFIG if is_folder else path.with_suffix(".json")
    if not file.is_file():
        return Check("weights", name, "missing", f"no weights at {path}", remedy, path)
    if not read:
        return Check("weights", name, "ok", str(file))
    if not card.is_file():
        return Check("weights", name, "note", f"{file}, without a card to compare with")
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        entry = content.get("card", {}) if is_folder else content
        expected = entry.get("sha256")
    except (ValueError, AttributeError) as error:
        return Check("weights", name, "wrong", f"{card} is not a valid card: {error}", remedy)
    if expected is None:
        return Check("weights", name, "note", f"{file}; its card has no SHA-256")
    actual = sha256_file(file)
    if actual != expected:
        detail = f"{file} differs from {card.name}: its SHA-256 is {actual}, not {expected}"
        return Check("weights", name, "wrong", detail, remedy)
    label = entry.get("label", "")
    return Check("weights", name, "ok", f"{file}, matches its card{f' ({label})' * bool(label)}")
