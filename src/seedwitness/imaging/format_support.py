"""Pictures of formats that Pillow decodes by a plugin or an optional library, by their first bytes.

AVIF is a library that Pillow is built with; HEIC and JPEG XL need a package each.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from PIL import features

from seedwitness.errors import PictureError

HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
AVIF_BRANDS = (b"avif", b"avis")
PACKAGES = {"HEIC": ("pillow_heif", "heif"), "JPEG XL": ("pillow_jxl", "jxl")}
"""Format → module of its plugin, and the extra that installs it."""
JPEG_XL_MARKS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
MAX_BRANDS = 32


def check_format_support(path: Path) -> None:
    """Load the plugin that a picture file needs. Raises PictureError that names it if it is absent.

    The format is recognised by the first bytes and not by the name.
    """
    with path.open("rb") as file:
        check_bytes_support(file.read(16 + 4 * MAX_BRANDS), str(path))


def check_bytes_support(data: bytes, file_name: str) -> None:
    """Check as ``check_format_support`` does, for a file that begins with ``data``."""
    name = identify_format(data[: 16 + 4 * MAX_BRANDS])
    if name == "AVIF" and not features.check("avif"):
        raise PictureError(
            f"{file_name} is an AVIF picture, and this build of Pillow has no AVIF. Install Pillow "
            "from its own wheels (`pip install --force-reinstall pillow`), or save the picture as "
            "PNG."
        )
    if name in PACKAGES and not load_plugin(name):
        module, extra = PACKAGES[name]
        raise PictureError(
            f"{file_name} is a {name} picture, which Pillow decodes only with the package "
            f"{module.replace('_', '-')}. Install it (`pip install 'seedwitness[{extra}]'`), or "
            "save the picture as PNG."
        )


def identify_format(start: bytes) -> str:
    """Name the format of a file that begins with ``start``: AVIF, HEIC, JPEG XL, or empty."""
    if start.startswith(JPEG_XL_MARKS):
        return "JPEG XL"
    if start[4:8] != b"ftyp":
        return ""
    size = min(int.from_bytes(start[:4], "big"), len(start))
    # The major brand may be a general one, such as mif1; the compatible ones follow its version.
    brands = [start[8:12], *(start[k : k + 4] for k in range(16, size - 3, 4))]
    if any(brand in AVIF_BRANDS for brand in brands):
        return "AVIF"
    return "HEIC" if any(brand in HEIC_BRANDS for brand in brands) else ""


@cache
def load_plugin(name: str) -> bool:
    """Load the plugin of a format, by which Pillow opens it; False if it is not installed."""
    try:
        module = import_module(PACKAGES[name][0])
    except ImportError:
        return False
    if name == "HEIC":
        module.register_heif_opener()
    return True
