"""The one answer for a file: seen in training, made by the checkpoint, both, or neither."""

from __future__ import annotations

from seedwitness.records.findings import FileOrigin


def describe_origin(origin: FileOrigin, checkpoint: str) -> str:
    """The answer as a sentence, for readers who look for one."""
    return {
        "seen": f"For this file: {checkpoint} learned the picture. That it made the file was not "
        "shown.",
        "made": f"For this file: {checkpoint} made it. A checkpoint repeats its own outputs, so "
        "whether it learned such a picture cannot be told from this file.",
        "both": f"For this file: {checkpoint} made it, and it shows a picture that is stated to be "
        "older and that comes back as learned ones do.",
        "neither": f"For this file: neither was shown, that {checkpoint} learned the picture or "
        "that it made the file. This is no proof that it did not.",
    }[origin]
