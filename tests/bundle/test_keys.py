"""Keys are encrypted at rest, and OpenSSH reads and checks what is made with them."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from bundled import PASS_PHRASE, call
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seedwitness.bundle.keys import load_private_key
from seedwitness.bundle.layout import NAMESPACE
from seedwitness.bundle.ssh_signature import check_signature, sign_message
from seedwitness.errors import BundleError, ConfigError

needs_openssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")


def ssh_keygen(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *map(str, arguments)], input=given, capture_output=True)


def test_a_key_is_encrypted_and_private(tmp_path: Path) -> None:
    output = call(tmp_path, "keygen", "--out", tmp_path / "key").output
    path = tmp_path / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"BEGIN OPENSSH PRIVATE KEY" in path.read_bytes()
    load_private_key(path, PASS_PHRASE)
    for wrong in ("", "wrong horse battery"):
        with pytest.raises(ConfigError, match="cannot be opened"):
            load_private_key(path, wrong)
    assert PASS_PHRASE not in output
    assert "SHA256:" in output
    again = call(tmp_path, "keygen", "--out", path, code=1).output
    assert "exists already" in again


def test_a_short_pass_phrase_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    output = call(tmp_path, "keygen", "--out", path, code=1, SEEDWITNESS_PASSPHRASE="short").output
    assert "at least 8 characters" in output
    assert not path.exists()


@needs_openssh
def test_openssh_opens_the_key_and_knows_its_fingerprint(tmp_path: Path) -> None:
    output = call(tmp_path, "keygen", "--out", tmp_path / "key").output
    opened = ssh_keygen("-y", "-P", PASS_PHRASE, "-f", tmp_path / "key")
    public = (tmp_path / "key.pub").read_bytes()
    assert opened.stdout.split()[:2] == public.split()[:2]
    assert ssh_keygen("-y", "-P", "wrong", "-f", tmp_path / "key").returncode != 0
    shown = ssh_keygen("-l", "-f", tmp_path / "key.pub").stdout.decode().split()[1]
    assert shown in output


@needs_openssh
def test_signatures_are_those_of_openssh(tmp_path: Path) -> None:
    call(tmp_path, "keygen", "--out", tmp_path / "key")
    key = load_private_key(tmp_path / "key", PASS_PHRASE)
    message = tmp_path / "message"
    message.write_bytes(b"hash  file\n" * 1000)
    plain = tmp_path / "plain"
    shutil.copy(tmp_path / "key", plain)
    plain.chmod(0o600)
    assert ssh_keygen("-p", "-P", PASS_PHRASE, "-N", "", "-f", plain).returncode == 0
    assert ssh_keygen("-Y", "sign", "-f", plain, "-n", NAMESPACE, message).returncode == 0
    theirs = message.with_name("message.sig").read_bytes()
    assert theirs == sign_message(message.read_bytes(), key)
    check_signature(theirs, message.read_bytes(), key.public_key())
    assert ssh_keygen("-Y", "sign", "-f", plain, "-n", "file", message).returncode == 0


def test_a_signature_of_something_else_is_refused() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signature = sign_message(b"message", key)
    check_signature(signature, b"message", key.public_key())
    with pytest.raises(BundleError, match="does not fit the file"):
        check_signature(signature, b"messages", key.public_key())
    with pytest.raises(BundleError, match="another key"):
        check_signature(signature, b"message", other.public_key())
    for changed in (signature[:-30], signature + b"\n", b"", signature.replace(b"U1NI", b"U1NJ")):
        with pytest.raises(BundleError, match="no SSH signature"):
            check_signature(changed, b"message", key.public_key())
