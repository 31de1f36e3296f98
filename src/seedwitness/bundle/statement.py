"""``statement.dsse.json``: an in-toto statement about every file, in a signed DSSE envelope.

The predicate is SLSA's provenance v1: what was asked, from which materials, by which program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.record import BundleRecord
from seedwitness.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUILD_TYPE = "urn:seedwitness:bundle:1"


def make_statement(subjects: Mapping[str, str], record: BundleRecord) -> dict[str, Any]:
    """The statement about every other file of a bundle, by name and SHA-256."""
    materials = [
        *((f"checkpoint {each.name}", each.sha256) for each in record.checkpoints),
        ("corpus", record.corpus_sha256),
        ("analysis plan", record.plan_sha256),
    ]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"target": record.target, "redacted": record.is_redacted},
                "internalParameters": {"revision": record.revision},
                "resolvedDependencies": [
                    {"name": name, "digest": {"sha256": digest}} for name, digest in materials
                ],
            },
            "runDetails": {
                "builder": {
                    "id": "urn:seedwitness",
                    "version": {"seedwitness": record.version},
                },
                "metadata": {"finishedOn": record.made},
            },
        },
    }


def sign_statement(statement: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The envelope of a statement, as JSON."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key))
    return _format_envelope(envelope.to_dict())


def check_envelope(content: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """The statement of an envelope that ``key`` signed. Raises BundleError otherwise.

    Its JSON has one form, so that no byte of the file can be changed without notice.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError, VerificationError
    from securesystemslib.signer import SSlibKey

    public = SSlibKey.from_crypto(key)
    try:
        opened = Envelope.from_dict(json.loads(content))
        opened.verify([public], 1)
    except VerificationError:
        raise BundleError(
            "it is not signed by this key, or was altered after it was signed"
        ) from None
    except (
        *(KeyError, TypeError, ValueError, AttributeError, FormatError, RecursionError),
    ) as error:
        raise BundleError(f"it is no DSSE envelope ({spell_out(error)})") from error
    if _format_envelope(opened.to_dict()) != content or len(opened.signatures) != 1:
        raise BundleError("it has something beside one signature by this key")
    if opened.payload_type != PAYLOAD_TYPE:
        raise BundleError(f"it holds {spell_out(opened.payload_type)} and no in-toto statement")
    try:
        statement = json.loads(opened.payload)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"its payload is no JSON ({spell_out(error)})") from error
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise BundleError("it holds no in-toto statement of version 1")
    return statement


def _format_envelope(envelope: Mapping[str, Any]) -> bytes:
    return json.dumps(envelope, indent=1).encode() + b"\n"


def list_subjects(statement: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of each subject by name. Raises BundleError if one has none, or two."""
    subjects: dict[str, str] = {}
    try:
        for subject in statement["subject"]:
            name, digest = str(subject["name"]), str(subject["digest"]["sha256"])
            if subjects.setdefault(name, digest) != digest:
                raise BundleError(f"it has two hashes of {spell_out(name)}")
    except (KeyError, TypeError) as error:
        raise BundleError(f"a subject has no name or no SHA-256 ({spell_out(error)})") from error
    return subjects
