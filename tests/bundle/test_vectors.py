"""Test vectors of others: the DSSE protocol's own, and the time stamps of rfc3161-client."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from rfc3161_client import decode_timestamp_response
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from seedwitness.bundle.statement import PAYLOAD_TYPE, check_envelope, sign_statement
from seedwitness.errors import BundleError, RecordError
from seedwitness.records.time_stamps import PlanStamp, parse_certificates, verify_stamp

STAMPS = Path(__file__).parents[3] / "shared/data/rfc3161"
needs_stamps = pytest.mark.skipif(not STAMPS.exists(), reason="rfc3161-client's stamps: not here")

# From the protocol's page: payload, type, public key and signature.
PAYLOAD, TYPE = b"hello world", "http://example.com/HelloWorld"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SIGNATURE = (
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)


def test_the_protocols_own_envelope() -> None:
    """The library that signs statements encodes and verifies what DSSE's page shows."""
    key = SSlibKey.from_crypto(EllipticCurvePublicNumbers(X, Y, SECP256R1()).public_key())
    raw = b64decode(SIGNATURE)  # r and s, which the library has in DER
    signature = encode_dss_signature(*(int.from_bytes(part) for part in (raw[:32], raw[32:])))
    document = {
        "payload": b64encode(PAYLOAD).decode(),
        "payloadType": TYPE,
        "signatures": [{"keyid": key.keyid, "sig": b64encode(signature).decode()}],
    }
    envelope = Envelope.from_dict(json.loads(json.dumps(document)))
    assert envelope.pae() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert envelope.verify([key], 1)
    envelope.payload += b"!"
    with pytest.raises(VerificationError):
        envelope.verify([key], 1)


def test_an_envelope_of_another_kind_is_refused() -> None:
    key = Ed25519PrivateKey.generate()
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": []}
    signed = sign_statement(statement, key)
    assert check_envelope(signed, key.public_key()) == statement
    for changed in (
        signed.replace(b"\n", b" \n", 1),
        signed.replace(PAYLOAD_TYPE.encode(), b"text/plain"),
        signed.replace(b'"sig": "', b'"sig": "A', 1),
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({"payload": "", "payloadType": PAYLOAD_TYPE, "signatures": [7]}).encode(),
    ):
        with pytest.raises(BundleError):
            check_envelope(changed, key.public_key())
    with pytest.raises(BundleError, match="not signed by this key"):
        check_envelope(signed, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(BundleError, match="no in-toto statement"):
        check_envelope(sign_statement({"_type": "other"}, key), key.public_key())


def stamped(folder: str, response: str, data: bytes) -> PlanStamp:
    """The stamp of ``data``, checked against the chain of the folder."""
    place = STAMPS / folder
    chain = parse_certificates((place / "ts_chain.pem").read_bytes(), folder)
    return verify_stamp((place / response).read_bytes(), data, chain, response)


@needs_stamps
@pytest.mark.parametrize(
    ("folder", "response", "data"),
    [
        ("test_tsa", "response.tsr", b"hello"),
        ("sigstage", "response-sha256.tsr", b"hello"),
        ("sigstage", "response-sha384.tsr", b"hello"),
        ("sigstage", "response-sha512.tsr", b"hello"),
    ],
)
def test_good_stamps_are_verified(folder: str, response: str, data: bytes) -> None:
    assert stamped(folder, response, data).time.startswith("20")
    with pytest.raises(RecordError, match="stamp of another file"):
        stamped(folder, response, data + b"!")


@needs_stamps
@pytest.mark.parametrize(
    ("folder", "response", "data"),
    [
        ("sigstage", "response-invalid-signature.tsr", b"hello"),
        ("sigstore.mock", "response-expired.tsr", None),
    ],
)
def test_bad_stamps_are_refused(folder: str, response: str, data: bytes | None) -> None:
    content = (STAMPS / folder / "payload").read_bytes() if data is None else data
    with pytest.raises(RecordError, match="cannot be verified"):
        stamped(folder, response, content)


@needs_stamps
def test_injected_certificates_do_not_change_who_signed() -> None:
    honest, injected = (
        stamped("test_tsa", name, b"hello")
        for name in ("response.tsr", "response-injected-certs.tsr")
    )
    assert injected.authority == honest.authority
    assert injected.root_sha256 == honest.root_sha256


@needs_stamps
def test_a_stamp_of_another_authority_is_refused() -> None:
    chain = parse_certificates((STAMPS / "test_tsa/ts_chain.pem").read_bytes(), "chain")
    answer = (STAMPS / "sigstage/response-sha256.tsr").read_bytes()
    assert decode_timestamp_response(answer)
    with pytest.raises(RecordError, match="cannot be verified"):
        verify_stamp(answer, b"hello", chain, "it")
