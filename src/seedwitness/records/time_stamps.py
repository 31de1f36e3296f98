"""Time stamps of analysis plans by RFC 3161, which Git keeps beside the plans.

``data/plans/PLAN.HASH.tsr`` is the answer of an authority about ``data/plans/PLAN.json``, where
PLAN is the SHA-256 of the plan, and HASH that of the answer. ``data/plans/HASH.pem`` are
certificates that stamps are checked against. No file is changed later, and checking needs no
network. Who did not choose the certificates compares their hashes with published ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from hashlib import new as new_hash
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.errors import ConfigError, RecordError
from seedwitness.records.attempts import PLANS
from seedwitness.records.document import Document
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import sha256_file

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampRequest, TimeStampResponse


HASHES = ("sha256", "sha384", "sha512")
"""Hashes that a stamp may be of; authorities answer with the one of the request."""


class PlanStamp(Document):
    """A stamp that was checked: the plan existed at ``time``, as the authority says."""

    file: str
    time: str
    """UTC, by the authority's clock."""
    accuracy_seconds: float | None
    """None where the authority does not say."""
    authority: str
    """The subject of the certificate that signed."""
    root: str
    """The subject of the root certificate, and its SHA-256."""
    root_sha256: str


def make_request(plan: Path) -> TimeStampRequest:
    """What an authority is sent: the SHA-256 of a plan and a nonce, and not the plan."""
    return make_data_request(plan.read_bytes())


def keep_answer(
    root: Path, plan_sha256: str, answer: bytes, request: TimeStampRequest, authorities: Path
) -> PlanStamp:
    """Check the answer to ``request``, and keep it beside the plan with the certificates.

    Raises RecordError if it does not fit the plan or the request, or is not by an authority that
    ``authorities`` names.
    """
    certificates = read_certificates(authorities)
    response = _decode(answer, "The answer of the authority")
    _require_stamp(response, request)
    name = f"{plan_sha256}.{sha256(answer).hexdigest()}.tsr"
    path = root / PLANS / name
    stamp = _check(response, root / PLANS / f"{plan_sha256}.json", path, certificates)
    content = authorities.read_bytes()
    write_whole(root / PLANS / f"{sha256(content).hexdigest()}.pem", content)
    write_whole(path, answer)
    return stamp


def read_stamps(plans: Path, plan_sha256: str, authorities: Path | None = None) -> list[PlanStamp]:
    """Check every stamp of a plan in the folder ``plans``; the earliest first.

    They are checked against the certificates in ``authorities``, and without it against those that
    lie beside the plans. Raises RecordError that names the plan or the stamp if one was altered, or
    is not by one of these authorities.
    """
    paths = sorted(plans.glob(f"{plan_sha256}.*.tsr"))
    if not paths:
        return []
    files = [authorities] if authorities else sorted(plans.glob("*.pem"))
    for path in () if authorities else files:
        _require_hash(path, path.stem)
    certificates = [each for path in files for each in read_certificates(path)]
    stamps = []
    for path in paths:
        _require_hash(path, path.name.split(".")[1])
        response = _decode(path.read_bytes(), path.as_posix())
        stamps.append(_check(response, plans / f"{plan_sha256}.json", path, certificates))
    return sorted(stamps, key=lambda stamp: (stamp.time, stamp.file))


def read_certificates(path: Path) -> list[Certificate]:
    """Read certificates in PEM. Raises ConfigError if there are none."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} holds no certificates in PEM ({error}). An authority publishes its root "
            "certificate; save it as a file that begins with -----BEGIN CERTIFICATE-----."
        ) from error


def parse_certificates(content: bytes, what: str) -> list[Certificate]:
    """Certificates in PEM. Raises RecordError if there are none."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(content)
    except ValueError as error:
        raise RecordError(f"{what} holds no certificates in PEM ({error}).") from error


def make_data_request(data: bytes) -> TimeStampRequest:
    """What an authority is sent about any data: their SHA-256 and a nonce, and not the data."""
    from rfc3161_client import TimestampRequestBuilder
    from rfc3161_client.base import HashAlgorithm

    builder = TimestampRequestBuilder().data(data)
    return (
        builder.hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )


def verify_stamp(
    answer: bytes,
    data: bytes,
    certificates: Sequence[Certificate],
    place: str,
    request: TimeStampRequest | None = None,
) -> PlanStamp:
    """What an authority's answer states of ``data``; ``place`` names the answer in messages.

    Raises RecordError if it is no stamp of the data, not the answer to ``request``, or not by an
    authority that ``certificates`` name.
    """
    response = _decode(answer, place)
    _require_stamp(response, request)
    return _verify(response, data, "what it stands beside", place, certificates)


def _require_stamp(response: TimeStampResponse, request: TimeStampRequest | None) -> None:
    if response.status:
        reason = "; ".join(response.status_string) or f"status {response.status}"
        raise RecordError(f"The authority stamped nothing: {reason}.")
    if request is not None and response.tst_info.nonce != request.nonce:
        raise RecordError(
            "The answer of the authority is to another request, by its nonce. Ask again."
        )


def sort_certificates(answer: bytes) -> bytes:
    """The answer with its certificates in the order that DER demands of a set.

    OpenSSL, by which public authorities stamp too, leaves them in its own order, and
    rfc3161-client takes no other than DER. Neither the order nor the set is signed.
    """
    try:
        _, token = _list_elements(answer, *_list_elements(answer, 0, len(answer))[0][1:])
        content = _list_elements(answer, *token[1:])[1]
        signed = _list_elements(answer, *content[1:])[0]
        (certificates,) = (each for each in _list_elements(answer, *signed[1:]) if each[0] == 0xA0)
    except (IndexError, ValueError):
        return answer  # a refusal has no token, and what is no answer is named by its decoder
    _, start, end = certificates
    ends = [start, *(each[2] for each in _list_elements(answer, start, end))]
    each = sorted(answer[first:last] for first, last in pairwise(ends))
    return answer[:start] + b"".join(each) + answer[end:]


def _list_elements(data: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """The elements of DER in a part of ``data``: tag, and where the content begins and ends."""
    elements = []
    while start < end:
        tag, length, start = data[start], data[start + 1], start + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size]), start + size
        if start + length > end:
            raise ValueError("the data end within an element")
        elements.append((tag, start, start + length))
        start += length
    return elements


def _require_hash(path: Path, expected: str) -> None:
    place = path.as_posix()
    if not path.is_file():
        raise RecordError(
            f"{place} is missing, and has a time stamp. `git checkout HEAD -- {place}` restores it."
        )
    if sha256_file(path) != expected:
        raise RecordError(
            f"{place} was altered: its SHA-256 is not the one in its name. Restore it: `git "
            f"checkout HEAD -- {place}`; where the alteration was committed, `git checkout COMMIT "
            f"-- {place}` with the commit that `git log --diff-filter=A -- {place}` names."
        )


def _decode(answer: bytes, what: str) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        return decode_timestamp_response(sort_certificates(answer))
    except ValueError as error:
        raise RecordError(f"{what} is no time stamp by RFC 3161: {error}.") from error


def _check(
    response: TimeStampResponse, plan: Path, path: Path, certificates: Sequence[Certificate]
) -> PlanStamp:
    """What a response states of a plan, by the first root that it can be verified against."""
    _require_hash(plan, plan.stem)
    return _verify(response, plan.read_bytes(), plan.as_posix(), path.as_posix(), certificates)


def _verify(
    response: TimeStampResponse,
    data: bytes,
    what: str,
    place: str,
    certificates: Sequence[Certificate],
) -> PlanStamp:
    """What a response at ``place`` states of ``data``, which ``what`` names."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from rfc3161_client import VerificationError, VerifierBuilder

    info = response.tst_info
    hashes = {sha.digest_size: sha for sha in map(new_hash, HASHES)}
    imprint = info.message_imprint.message
    hashed = hashes.get(len(imprint))
    if hashed is None:
        raise RecordError(f"{place} stamps a hash of {8 * len(imprint)} bits, which is unknown.")
    hashed.update(data)
    if imprint != hashed.digest():
        raise RecordError(
            f"{place} is the stamp of another file than {what}. Remove it, or give it the name "
            "that it had."
        )
    roots = [each for each in certificates if each.subject == each.issuer]
    others = [each for each in certificates if each.subject != each.issuer]
    reasons = []
    for root in roots:
        try:
            VerifierBuilder(roots=[root], intermediates=[*others]).build().verify_message(
                response, data
            )
        except VerificationError as error:
            reasons.append(str(error))
            continue
        return PlanStamp(
            file=place.rpartition("/")[2],
            time=info.gen_time.astimezone(UTC).isoformat(timespec="seconds"),
            accuracy_seconds=_sum_accuracy(response),
            authority=_find_signer(response),
            root=root.subject.rfc4514_string(),
            root_sha256=root.fingerprint(SHA256()).hex(),
        )
    raise RecordError(
        f"{place} cannot be verified: {'; '.join(dict.fromkeys(reasons)) or 'no root'}. "
        "The signature is false, or the root certificate of its authority is not among those that "
        "it was checked against: name the file that has it with `--authority`."
    )


def _sum_accuracy(response: TimeStampResponse) -> float | None:
    accuracy = response.tst_info.accuracy
    if accuracy is None:
        return None
    return accuracy.seconds + (accuracy.millis or 0) / 1e3 + (accuracy.micros or 0) / 1e6


def _find_signer(response: TimeStampResponse) -> str:
    """The subject of the certificate that signed a response which was verified."""
    from cryptography.x509 import load_der_x509_certificate

    (signer,) = response.signed_data.signer_infos
    subjects = {
        (each.issuer, each.serial_number): each.subject
        for each in map(load_der_x509_certificate, response.signed_data.certificates)
    }
    return subjects[signer.issuer, signer.serial_number].rfc4514_string()
