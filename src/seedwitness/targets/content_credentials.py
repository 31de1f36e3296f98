"""Read and verify a file's C2PA manifest by c2pa-python, without network (extra `c2pa`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from seedwitness.records.target import Claim, ContentCredentials
from seedwitness.targets.claims.source_type import MEANINGS, name_term
from seedwitness.targets.text_cleaning import describe_error, shorten_text

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "JXL": "image/jxl",
}
"""Pillow's name of a format → the media type that the library knows it by."""
OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_reading": True}
}
"""A manifest may name an address; nothing is fetched from it."""
MAX_LISTED = 50
REMEDY = "the extra c2pa reads and verifies it: `pip install 'seedwitness[c2pa]'`"


class CredentialsReading(NamedTuple):
    """The manifest and what it claims; both None if there is none or it cannot be read."""

    credentials: ContentCredentials | None
    claim: Claim | None
    unread: list[str]


def read_credentials(path: Path, image_format: str, manifest_bytes: int) -> CredentialsReading:
    """Read the C2PA manifest of a picture file. Never raises.

    ``manifest_bytes`` is the size of the manifest that the file's parts hold: without the library,
    or if the library cannot read it, it is named with this size. The signer's certificate is not
    compared with a list of trusted ones.
    """
    media_type = MEDIA_TYPES.get(image_format)
    # In other containers only the library finds a manifest.
    is_searched = image_format not in ("JPEG", "MPO", "PNG", "WEBP")
    if media_type is None or not (manifest_bytes or is_searched):
        return CredentialsReading(None, None, [])
    size = f"C2PA manifest (JUMBF) of {manifest_bytes:,} bytes"
    try:
        import c2pa
    except ImportError:
        unread = [f"{size}, neither interpreted nor verified: {REMEDY}"] if manifest_bytes else []
        return CredentialsReading(None, None, unread)
    try:
        with (
            c2pa.Context.from_dict(OFFLINE) as context,
            path.open("rb") as file,
            c2pa.Reader(media_type, file, context=context) as reader,
        ):
            content = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        unread = [f"{size}: no C2PA manifest is found in it"] if manifest_bytes else []
        return CredentialsReading(None, None, unread)
    except Exception as error:  # a forged manifest may raise anything; the pixels are intact
        return CredentialsReading(None, None, [f"{size}: {describe_error(error)}"])
    try:
        return _describe(content)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        return CredentialsReading(None, None, [f"{size}, of another form: {describe_error(error)}"])


def _describe(content: dict[str, Any]) -> CredentialsReading:
    manifest = content["manifests"][content["active_manifest"]]
    signature = manifest.get("signature_info") or {}
    actions = [
        action
        for assertion in manifest.get("assertions") or []
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion["data"].get("actions") or []
    ]
    failures = [status["code"] for status in content.get("validation_status") or []]
    state = str(content.get("validation_state") or ("Invalid" if failures else "Valid"))
    generator = _name_generator(manifest)
    credentials = ContentCredentials(
        state=shorten_text(state, 40),
        claim_generator=generator,
        issuer=_shorten(signature.get("issuer")),
        time=_shorten(signature.get("time")),
        actions=list(dict.fromkeys(_list_names(actions)))[:MAX_LISTED],
        failures=[shorten_text(str(code), 80) for code in dict.fromkeys(failures)][:MAX_LISTED],
    )
    sources = [str(action["digitalSourceType"]) for action in actions
               if action.get("digitalSourceType")]  # fmt: skip
    term = name_term(sources[0]) if sources else None
    others = {"found in": "C2PA manifest", "manifest": credentials.state}
    if credentials.failures:
        others["failed checks"] = ", ".join(credentials.failures)
    if term:
        others["meaning"] = MEANINGS.get(term, "a term that is not in the vocabulary")
    if manifest.get("title"):
        others["title"] = shorten_text(str(manifest["title"]))
    agents = [_name_agent(action.get("softwareAgent")) for action in actions]
    named = list(dict.fromkeys(agent for agent in agents if agent))[:5]
    if named:
        others["software"] = ", ".join(named)
    tool = generator or (named[0] if named else "unnamed")
    claim = Claim(tool=tool, digital_source_type=term, others=others)
    return CredentialsReading(credentials, claim, [])


def _list_names(actions: list[dict[str, Any]]) -> list[str]:
    return [shorten_text(str(action.get("action", "")), 80) for action in actions]


def _name_generator(manifest: dict[str, Any]) -> str | None:
    """The program that made the claim: a text, or in newer manifests a list of names."""
    infos = manifest.get("claim_generator_info")
    if not manifest.get("claim_generator") and isinstance(infos, list) and infos:
        return _name_agent(infos[0])
    return _shorten(manifest.get("claim_generator"))


def _name_agent(agent: Any) -> str | None:
    if isinstance(agent, dict):
        parts = [str(agent[key]) for key in ("name", "version") if agent.get(key)]
        return _shorten(" ".join(parts))
    return _shorten(agent)


def _shorten(value: Any) -> str | None:
    return shorten_text(str(value)) if value not in (None, "") else None
