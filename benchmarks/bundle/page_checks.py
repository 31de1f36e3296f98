"""Bundles given to `verify.html` in a browser that is driven by Playwright."""

from __future__ import annotations

import io
import zipfile
from base64 import b64encode
from typing import Any

from benchmarks.bundle.forged_files import Files


class PageChecker:
    """The page in a browser; it is given bundles one after the other."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self._known: Files = {}

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

    def load(self, files: Files) -> None:
        """Keep files in the page, so that later ones are given by what differs from them."""
        self._known = dict(files)
        self.page.evaluate("window.known = new Map()")
        for name, content in files.items():
            self.page.evaluate(KEEP, [name, b64encode(content).decode()])

    def check_changes(self, files: Files) -> str:
        """As ``check``, for files that are mostly those of ``load``, and not in a ZIP file."""
        changed = {
            name: b64encode(content).decode()
            for name, content in files.items()
            if self._known.get(name) != content
        }
        kept = [name for name in files if name not in changed]
        fingerprint = self.page.input_value("#fingerprint")
        return str(self.page.evaluate(CHECK, [kept, changed, fingerprint]))


KEEP = "([name, content]) => { window.known.set(name, fromBase64(content)); }"
CHECK = """async ([kept, changed, fingerprint]) => {
  const files = new Map(kept.map((name) => [name, window.known.get(name)]));
  for (const [name, content] of Object.entries(changed)) files.set(name, fromBase64(content));
  try {
    const entries = [...files].map(([name, data]) => [name, data.length, async () => data]);
    return (await check(collect(entries), fingerprint)).level;
  } catch (error) {
    return "altered";
  }
}"""
