"""Bundles given to `verify.html` in a browser that is driven by Playwright."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from benchmarks.bundle.forged_files import Files


class PageChecker:
    """The page in a browser; it is given bundles one after the other."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def check(self, files: Files) -> str:
        """The level that the page finds for these files, given as a ZIP file."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return self.check_zip(buffer.getvalue())

    def check_zip(self, content: bytes) -> str:
        """As ``check``, for the bytes of a ZIP file."""
        self.page.evaluate("document.getElementById('level').removeAttribute('data-level')")
        self.page.set_input_files(
            "#zip", {"name": "it.zip", "mimeType": "application/zip", "buffer": content}
        )
        return self.wait()

    def wait(self) -> str:
        """The level, when the page has found it."""
        self.page.wait_for_selector("#level[data-level]")
        return str(self.page.get_attribute("#level", "data-level"))
