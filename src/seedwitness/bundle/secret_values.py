"""Keeps secrets out of a bundle: passwords in addresses, and the values of secret variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from seedwitness.errors import BundleError

IN_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s/@:]*):(?P<word>[^\s/@]+)@")
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSPHRASE|PASSWD|CREDENTIAL|_KEY$|APIKEY|API_KEY")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
HIDDEN = "***"
MIN_LENGTH = 8
"""Shorter values are found by chance."""


def hide_passwords(text: str) -> tuple[str, list[str]]:
    """A text with the passwords in its addresses hidden, and these passwords."""
    words = [match["word"] for match in IN_ADDRESS.finditer(text)]
    hidden = IN_ADDRESS.sub(lambda match: f"{match['scheme']}{match['user']}:{HIDDEN}@", text)
    return hidden, [each for each in words if each != HIDDEN]


def list_secrets(
    passwords: Iterable[str], environment: Mapping[str, str] = os.environ
) -> list[bytes]:
    """What no file may hold: passwords, plain and unquoted, and values of secret variables."""
    values = [each for word in passwords for each in (word, unquote(word))]
    values += [
        value
        for name, value in environment.items()
        if SECRET_NAME.search(name.upper()) and not os.path.exists(value)
    ]
    return sorted({value.encode() for value in values if len(value) >= MIN_LENGTH})


def require_no_secret(name: str, content: bytes, secrets: Iterable[bytes]) -> None:
    """Raise BundleError, which does not show it, if a file holds a secret or a private key."""
    if PRIVATE_KEY.search(content) or any(secret in content for secret in secrets):
        raise BundleError(
            f"{name} holds a private key, or the value of a password or of a secret environment "
            "variable of this machine. No bundle was written. Remove it there, and make the report "
            "again; if it is not secret, unset the variable."
        )
