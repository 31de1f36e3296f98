"""IPTC's DigitalSourceType in XMP: how a picture came to be, as a term of a fixed vocabulary."""

from __future__ import annotations

from seedwitness.records.target import Claim
from seedwitness.targets.claims.reading import ToolReading, describe_origin
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.text_cleaning import shorten_text

KEY = "Iptc4xmpExt:DigitalSourceType"
TOOL_KEYS = ("xmp:CreatorTool", "photoshop:Credit", "Iptc4xmpExt:AISystemUsed")
UNNAMED = "unnamed"
MEANINGS = {
    "trainedAlgorithmicMedia": "made by a model trained on samples",
    "compositeWithTrainedAlgorithmicMedia": "a composite with parts made by a trained model",
    "algorithmicMedia": "made by an algorithm without training data",
    "algorithmicallyEnhanced": "changed by an algorithm",
    "compositeSynthetic": "a composite with synthetic parts",
    "digitalCapture": "captured by a camera",
    "digitalArt": "drawn by a person with software",
    "digitalCreation": "made by a person with software",
    "humanEdits": "changed by a person with software",
    "minorHumanEdits": "slightly changed by a person",
    "virtualRecording": "a recording of a virtual event",
    "composite": "a composite",
    "compositeCapture": "a composite of captures",
    "computationalCapture": "captured by a camera and computed",
    "negativeFilm": "scanned from a negative",
    "positiveFilm": "scanned from a positive",
    "print": "scanned from a print",
    "screenCapture": "captured from a screen",
    "dataDrivenMedia": "a rendering of data",
}
"""Term → what it means, in our words."""


def read(group: FieldGroup) -> ToolReading | None:
    """Read the term; the tool is the program that the same XMP names, if it names one."""
    value = group.fields.get(KEY)
    if value is None:
        return None
    term = name_term(value)
    tool = next((group.fields[key] for key in TOOL_KEYS if key in group.fields), UNNAMED)
    others = describe_origin(group, KEY)
    others["meaning"] = MEANINGS.get(term, "a term that is not in the vocabulary")
    for key in TOOL_KEYS[1:]:
        if key in group.fields:
            others[key] = shorten_text(group.fields[key])
    claim = Claim(tool=shorten_text(tool), digital_source_type=term, others=others)
    faults = [] if term in MEANINGS else [f"{KEY}: no known term {term!r}"]
    return ToolReading([claim], {KEY}, faults)


def name_term(value: str) -> str:
    """The last part of a term's address."""
    return shorten_text(value.strip().rstrip("/").rpartition("/")[2] or value.strip(), 80)
