"""Read XMP (ISO 16684-1): its properties as names and text."""

from __future__ import annotations

from xml.etree import ElementTree

from seedwitness.targets.text_cleaning import describe_error

MAX_XMP_BYTES = 8 << 20
MAX_PROPERTIES = 200
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
}
_CONTAINERS = {f"{RDF}Alt", f"{RDF}Seq", f"{RDF}Bag"}


def read_xmp(data: bytes) -> tuple[dict[str, str], list[str]]:
    """Read an XMP packet: property → text, the items of a list joined by "; ", and what is unread.

    Properties are named by the usual prefix of their namespace, or by the namespace itself. A
    document type is refused, because its entities can grow without bound. Never raises.
    """
    if len(data) > MAX_XMP_BYTES:
        return {}, [f"XMP: {len(data):,} bytes, more than {MAX_XMP_BYTES:,}"]
    packet = data.strip(b"\0 \t\r\n")
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return {}, [f"XMP: {len(data):,} bytes with a document type, which XMP does not have"]
    try:
        root = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        return {}, [f"XMP: {len(data):,} bytes, no valid XML: {describe_error(error)}"]
    values: dict[str, str] = {}
    left_out = 0
    for description in root.iter(f"{RDF}Description"):
        pairs = [(name, text) for name, text in description.attrib.items() if name[:1] == "{"]
        pairs += [(element.tag, _collect_text(element)) for element in description]
        for name, text in pairs:
            if name.startswith(RDF) or not text.strip():
                continue
            key = _shorten_name(name)
            if key not in values and len(values) >= MAX_PROPERTIES:
                left_out += 1
            elif key not in values:
                values[key] = text.strip()
            elif text.strip() not in values[key]:
                values[key] += f"; {text.strip()}"
    unread = [f"XMP: {left_out:,} properties beyond {MAX_PROPERTIES}"] if left_out else []
    if not values and not unread:
        unread.append(f"XMP: {len(data):,} bytes without a property")
    return values, unread


def _collect_text(element: ElementTree.Element) -> str:
    items = [item for child in element if child.tag in _CONTAINERS for item in child]
    if not items:
        # A structure's fields are attributes or elements, of which the text is enough.
        own = [element.attrib.get(f"{RDF}resource", ""), *element.itertext()]
        return " ".join(text.strip() for text in own if text.strip())
    return "; ".join(text for item in items if (text := "".join(item.itertext()).strip()))


def _shorten_name(name: str) -> str:
    namespace, _, local = name[1:].partition("}") if name[:1] == "{" else ("", "", name)
    prefix = PREFIXES.get(namespace, namespace)
    return f"{prefix}:{local}" if prefix else local
