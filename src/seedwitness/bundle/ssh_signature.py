"""Signatures as ``ssh-keygen -Y sign`` writes them (OpenSSH, PROTOCOL.sshsig), by ed25519.

Written here, because no library does it: the recipient checks them by ``ssh-keygen -Y verify``.
"""

from __future__ import annotations

import base64
import binascii
import struct
from hashlib import sha512
from typing import TYPE_CHECKING

from seedwitness.bundle.keys import format_ssh_key
from seedwitness.bundle.layout import NAMESPACE
from seedwitness.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

MAGIC, VERSION, HASH, ALGORITHM = b"SSHSIG", 1, b"sha512", b"ssh-ed25519"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
WIDTH = 70


def sign_message(message: bytes, key: Ed25519PrivateKey) -> bytes:
    """The signature of a message, armoured."""
    public = base64.b64decode(format_ssh_key(key.public_key()).split()[1])
    signature = _pack(ALGORITHM) + _pack(key.sign(_signed_data(message)))
    blob = MAGIC + struct.pack(">I", VERSION) + _pack(public)
    blob += _pack(NAMESPACE.encode()) + _pack(b"") + _pack(HASH) + _pack(signature)
    return _armour(blob)


def check_signature(armoured: bytes, message: bytes, key: Ed25519PublicKey) -> None:
    """Raise BundleError if a signature is not one of the message by ``key``."""
    from cryptography.exceptions import InvalidSignature

    public, namespace, reserved, algorithm, signature = _parse(armoured)
    if public != base64.b64decode(format_ssh_key(key).split()[1]):
        raise BundleError("it is by another key")
    if (namespace, reserved, algorithm) != (NAMESPACE.encode(), b"", HASH):
        raise BundleError("it was made for something else than a bundle")
    kind, rest = _unpack(signature)
    raw, rest = _unpack(rest)
    if kind != ALGORITHM or rest:
        raise BundleError("it is of another kind than ssh-ed25519")
    try:
        key.verify(raw, _signed_data(message))
    except InvalidSignature:
        raise BundleError("it does not fit the file") from None


def _armour(blob: bytes) -> bytes:
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + WIDTH] for start in range(0, len(text), WIDTH)]
    return "\n".join([BEGIN, *lines, END, ""]).encode()


def _signed_data(message: bytes) -> bytes:
    hashed = sha512(message).digest()
    return MAGIC + _pack(NAMESPACE.encode()) + _pack(b"") + _pack(HASH) + _pack(hashed)


def _parse(armoured: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    try:
        text = armoured.decode("ascii").strip()
        if not (text.startswith(BEGIN) and text.endswith(END)):
            raise ValueError("no armour")
        blob = base64.b64decode("".join(text[len(BEGIN) : -len(END)].split()), validate=True)
        if _armour(blob) != armoured:
            raise ValueError("its armour has another form than ssh-keygen's")
        head = MAGIC + struct.pack(">I", VERSION)
        if not blob.startswith(head):
            raise ValueError("no SSHSIG")
        rest, fields = blob[len(head) :], []
        for _ in range(5):
            field, rest = _unpack(rest)
            fields.append(field)
        if rest:
            raise ValueError("more than a signature")
    except (UnicodeDecodeError, ValueError, binascii.Error, struct.error) as error:
        raise BundleError(f"it is no SSH signature ({error})") from error
    public, namespace, reserved, algorithm, signature = fields
    return public, namespace, reserved, algorithm, signature


def _pack(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _unpack(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack(">I", data[:4])
    if len(data) < 4 + length:
        raise ValueError("it is cut off")
    return data[4 : 4 + length], data[4 + length :]
