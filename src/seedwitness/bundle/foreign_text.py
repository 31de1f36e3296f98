"""Text and names that a stranger chose: spelled out where they are shown, refused where they act.

A control character in a terminal moves the cursor, and one of direction turns a name around, so
that ``exe.gnp`` reads as ``png.exe``.
"""

from __future__ import annotations

import unicodedata

HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
MAX_NAME_BYTES = 512
RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def spell_out(text: object, length: int = 300) -> str:
    """A text on one line: control and direction characters as ``⟨U+202E⟩``, the rest cut off."""
    spelled = "".join(
        f"⟨U+{ord(each):04X}⟩" if unicodedata.category(each) in HIDDEN_CATEGORIES else each
        for each in str(text)[: length + 1]
    )
    return spelled if len(str(text)) <= length else f"{spelled}…"


def find_name_fault(name: str) -> str | None:
    """What is wrong with the path of a file in a bundle; None if nothing is.

    A path has parts divided by ``/`` and stays below its folder, on every system that people use.
    """
    parts = name.split("/")
    if not name or len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        return "its name is empty or too long"
    if any(unicodedata.category(each) in HIDDEN_CATEGORIES for each in name):
        return "its name holds control or direction characters"
    if "\\" in name or ":" in name or name.startswith(("/", "~")):
        return "its name is an absolute path, or one of another system"
    if any(part in ("", ".", "..") for part in parts):
        return "its name leads out of the bundle"
    if any(part != part.strip() or part.endswith(".") for part in parts):
        return "its name has a part that ends in a space or a dot"
    if any(part.partition(".")[0].lower() in RESERVED for part in parts):
        return "its name is that of a device"
    if unicodedata.normalize("NFC", name) != name:
        return "its name is not in Unicode's normal form"
    return None
