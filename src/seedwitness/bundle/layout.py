"""Names of the files of a bundle beside those that it has from the project."""

from __future__ import annotations

FORMAT = "1.0"
"""Version of this layout, in ``bundle.json``."""

MANIFEST = "MANIFEST.sha256"
"""The SHA-256 of every other file, as ``sha256sum`` writes and checks it."""
SSH_SIGNATURE = "MANIFEST.sha256.sig"
STAMP = "MANIFEST.sha256.tsr"
STATEMENT = "statement.dsse.json"
SEALS = (MANIFEST, SSH_SIGNATURE, STAMP, STATEMENT)
"""The files that are made after the manifest, which does not list them; the statement is last."""

RECORD = "bundle.json"
CRATE = "ro-crate-metadata.json"
README = "README.md"
CHECK = "check.py"
PAGE = "verify.html"
ENVIRONMENT = "environment.lock"
PUBLIC_KEY = "keys/signer.pem"
SSH_KEY = "keys/signer.pub"
ALLOWED_SIGNERS = "keys/allowed_signers"
AUTHORITIES = "keys/authorities.pem"

TABLES = "tables"
TRIALS_TABLE, CONTROLS_TABLE = f"{TABLES}/trials.csv", f"{TABLES}/controls.csv"
LATENTS = "latents"
CONTROL_PICTURES = "pictures/controls"

SIGNER = "signer"
"""Who signs, in ``keys/allowed_signers``; ``ssh-keygen -Y verify`` asks for it."""
NAMESPACE = "seedwitness-bundle"
"""What the SSH signature is for."""

PICTURE_SUFFIXES = (
    ".avif",
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)


def is_picture(name: str) -> bool:
    """Whether a file is a picture, by its name."""
    return name.lower().endswith(PICTURE_SUFFIXES)
