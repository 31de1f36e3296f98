"""A bundle in memory, and what a forger does to it: change, add, remove, swap, and seal again."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any

from seedwitness.bundle import layout
from seedwitness.bundle.building import Sealing, format_key_files, make_seals
from seedwitness.bundle.container import Bundle, read_file
from seedwitness.bundle.manifest import format_manifest
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.run_crate import make_crate, read_lock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Files = dict[str, bytes]
MAX_CHANGED = 8
ROOT_FILES = (
    *layout.SEALS,
    *(layout.RECORD, layout.CRATE, layout.README, layout.CHECK, layout.PAGE, layout.ENVIRONMENT),
    *("params.yaml", "dvc.yaml", "dvc.lock"),
)


@dataclass(frozen=True)
class MemoryBundle:
    """A bundle that lies in memory."""

    files: Files
    sizes: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", {name: len(each) for name, each in self.files.items()})

    def open(self, name: str) -> IO[bytes]:
        """As in ``Bundle``."""
        return io.BytesIO(self.files[name])


def load_files(bundle: Bundle) -> Files:
    """All files of a bundle."""
    return {name: read_file(bundle, name) for name in bundle.sizes}


def classify_file(name: str) -> str:
    """The class of a file: what it is for the recipient."""
    folders = {
        "data/attempts/": "entry of the log",
        "data/outcomes/": "outcome in the log",
        "data/plans/": "analysis plan",
        "data/plan/": "analysis plan",
        "data/targets/": "pipeline and target",
        "keys/": "public key",
        "latents/": "latent",
        "pictures/": "picture",
        "tables/": "table as CSV",
    }
    suffixes = {
        ".png": "picture",
        ".jpg": "picture",
        ".parquet": "table as parquet",
        "evidence.json": "evidence.json",
        "report.html": "report page",
        "finding.json": "finding",
        ".json": "document of a stage",
    }
    if "/" not in name:
        return name if name in ROOT_FILES else "other file"
    for rules, fits in ((folders, str.startswith), (suffixes, str.endswith)):
        for part, kind in rules.items():
            if fits(name, part):
                return kind
    return "other file"


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """Content with some bytes changed, added or taken out; never the same."""
    changed = bytearray(content)
    while bytes(changed) == content:
        place = rng.randrange(len(changed) + 1)
        count = rng.randint(1, MAX_CHANGED)
        way = rng.choice(("change", "add", "remove"))
        if way == "change" and place < len(changed):
            changed[place] ^= rng.randint(1, 255)
        elif way == "add":
            changed[place:place] = rng.randbytes(count)
        else:
            del changed[place : place + count]
    return bytes(changed)


def add_file(files: Files, rng: random.Random) -> str:
    """Add a file of an innocent name; gives it."""
    folder = rng.choice(sorted({name.rpartition("/")[0] for name in files}))
    name = f"{folder}/{rng.randbytes(4).hex()}.json".lstrip("/")
    files[name] = rng.randbytes(rng.randint(0, 200))
    return name


def swap_files(files: Files, rng: random.Random) -> tuple[str, str]:
    """Exchange the contents of two files that differ; gives their names."""
    names = sorted(files)
    one, other = rng.sample(names, 2)
    while files[one] == files[other]:
        one, other = rng.sample(names, 2)
    files[one], files[other] = files[other], files[one]
    return one, other


def seal_manifest(files: Files) -> None:
    """Write the manifest again, so that it fits the files; the signatures are no longer its own."""
    files[layout.MANIFEST] = format_manifest(_hash_files(files))


def seal_with_key(files: Files, key: Ed25519PrivateKey | None) -> None:
    """Describe and seal the files as ``seedwitness bundle`` does, by a key or without any."""
    for name in (*layout.SEALS, layout.PUBLIC_KEY, layout.SSH_KEY, layout.ALLOWED_SIGNERS):
        files.pop(name, None)
    if key:
        files |= format_key_files(key.public_key())
    record = BundleRecord.model_validate_json(files[layout.RECORD])
    locks = [name for name in sorted(files) if name.endswith("dvc.lock")]
    stages = [stage for name in locks for stage in read_lock(files[name], name.rpartition("/")[0])]
    described = {
        name: (len(content), sha256(content).hexdigest())
        for name, content in files.items()
        if name != layout.CRATE
    }
    files[layout.CRATE] = make_crate(record, stages, described)
    hashes = _hash_files(files)
    files |= make_seals(format_manifest(hashes), hashes, record, Sealing(key=key))


def edit_json(files: Files, name: str, change: Callable[[Any], object]) -> None:
    """Change the value of a JSON file."""
    value = json.loads(files[name])
    change(value)
    files[name] = json.dumps(value, indent=1).encode() + b"\n"


def find_evidence(files: Mapping[str, bytes]) -> str:
    """The path of ``evidence.json``."""
    (name,) = (each for each in files if each.endswith("/evidence.json"))
    return name


def _hash_files(files: Files) -> dict[str, str]:
    return {
        name: sha256(content).hexdigest()
        for name, content in files.items()
        if name not in layout.SEALS
    }
