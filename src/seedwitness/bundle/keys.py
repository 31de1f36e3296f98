"""Signing keys: ed25519, kept in OpenSSH's format and encrypted by a pass phrase.

OpenSSH's format, because its own programs read it and its pass phrases are slow to guess (bcrypt).
"""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.errors import BundleError, ConfigError
from seedwitness.runtime.files import explain_write_errors, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

ROUNDS = 64
"""Of bcrypt, four times those of ssh-keygen; a second on a slow machine."""
MIN_PASS_PHRASE = 8


def generate_key(path: Path, pass_phrase: str) -> str:
    """Write a new private key to ``path`` and its public half beside it; gives the fingerprint.

    Only the user can read the private key. Raises ConfigError if a file is there already, or the
    pass phrase is too short.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

    public = path.with_name(path.name + ".pub")
    if taken := next((each for each in (path, public) if each.exists()), None):
        raise ConfigError(
            f"{taken} exists already, and a key that has signed something must not be lost. Name "
            "another file with --out."
        )
    if len(pass_phrase) < MIN_PASS_PHRASE:
        raise ConfigError(f"A pass phrase has at least {MIN_PASS_PHRASE} characters.")
    key = Ed25519PrivateKey.generate()
    encryption = PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(ROUNDS)
    content = key.private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, encryption.build(pass_phrase.encode())
    )
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    write_whole(public, f"{format_ssh_key(key.public_key())}\n")
    return find_fingerprint(key.public_key())


def load_private_key(path: Path, pass_phrase: str) -> Ed25519PrivateKey:
    """Read a private key. Raises ConfigError if it is missing, of another kind or not opened."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        key = load_ssh_private_key(path.read_bytes(), pass_phrase.encode() or None)
    except FileNotFoundError:
        raise ConfigError(f"There is no key {path}: `seedwitness keygen` makes one.") from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"The key {path} cannot be opened: {spell_reason(error)}. Is the pass phrase right, "
            "and is it a key by `seedwitness keygen` or `ssh-keygen -t ed25519`?"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} is no ed25519 key: `seedwitness keygen` makes one.")
    return key


def load_public_key(content: bytes, what: str) -> Ed25519PublicKey:
    """A public key in PEM or in OpenSSH's format. Raises BundleError if it is neither."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import (
        load_pem_public_key,
        load_ssh_public_key,
    )

    load = load_pem_public_key if content.lstrip().startswith(b"-----") else load_ssh_public_key
    try:
        key = load(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BundleError(f"{what} holds no public key: {spell_reason(error)}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{what} holds no ed25519 key.")
    return key


def format_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as OpenSSL reads it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def format_ssh_key(key: Ed25519PublicKey) -> str:
    """A public key as OpenSSH writes it, on one line."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def find_fingerprint(key: Ed25519PublicKey) -> str:
    """The fingerprint by which people compare keys, as ``ssh-keygen -l`` shows it."""
    blob = base64.b64decode(format_ssh_key(key).split()[1])
    return f"SHA256:{base64.b64encode(sha256(blob).digest()).decode().rstrip('=')}"


def spell_reason(error: Exception) -> str:
    """The reason of a library's error, without a full stop."""
    return str(error).rstrip(".") or type(error).__name__
