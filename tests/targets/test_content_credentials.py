"""C2PA manifests are read and verified where the extra is installed, and named where it is not."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from seedwitness.targets.content_credentials import REMEDY, read_credentials
from seedwitness.targets.target_reader import read_target

SHARED = Path(__file__).parents[3] / "shared" / "data" / "c2pa"
NEEDS_FILES = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the pictures of shared/data are absent"
)


@NEEDS_FILES
@pytest.mark.parametrize(
    ("name", "state", "failure"),
    [
        ("C", "Valid", None),
        ("CA", "Valid", None),
        ("CACA", "Valid", None),
        ("CIE-sig-CA", "Valid", None),  # only an ingredient's signature is broken
        ("E-dat-CA", "Invalid", "assertion.dataHash.mismatch"),
        ("E-sig-CA", "Invalid", "claimSignature.mismatch"),
    ],
)
def test_public_test_files(name: str, state: str, failure: str | None) -> None:
    pytest.importorskip("c2pa")
    record = read_target(SHARED / f"adobe-20220124-{name}.jpg", "x").record
    credentials = record.content_credentials
    assert credentials is not None
    assert (credentials.state, credentials.issuer) == (state, "C2PA Test Signing Cert")
    assert credentials.failures[0] == "signingCredential.untrusted"  # no list of trusted signers
    assert credentials.failures[1:] == ([failure] if failure else [])
    (claim,) = record.claims
    assert claim.tool == credentials.claim_generator
    assert claim.others["manifest"] == state


@NEEDS_FILES
def test_a_picture_without_a_manifest_has_none() -> None:
    record = read_target(SHARED / "adobe-20220124-A.jpg", "x").record
    assert (record.content_credentials, record.claims) == (None, [])


@NEEDS_FILES
def test_without_the_extra_the_manifest_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    record = read_target(SHARED / "adobe-20220124-C.jpg", "x").record
    assert record.content_credentials is None
    (named,) = [text for text in record.unread if "C2PA" in text]
    assert named.endswith(f"neither interpreted nor verified: {REMEDY}")


def test_a_forged_manifest_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.jpg")
    reading = read_credentials(tmp_path / "a.jpg", "JPEG", 50)
    assert reading.credentials is None
    assert reading.unread[0].startswith("C2PA manifest (JUMBF) of 50 bytes")
