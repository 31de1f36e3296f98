"""The page in a real browser: its width, its filter, without scripts, and by axe."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import needs_browser, opened
from compared import Ran

pytestmark = needs_browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_shows_its_images_and_passes_axe(
    browser: Any, by_checkpoint: Ran, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    settings = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with opened(browser, by_checkpoint.path, **settings) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


def test_the_filter_selects_targets(browser: Any, by_state: Ran) -> None:
    with opened(browser, by_state.path) as page:
        targets = page.locator(".target")
        shown = page.locator(".target:not([hidden])")
        assert targets.count() == shown.count() == 2
        page.select_option(".filter select", "differs")
        assert shown.evaluate_all("all => all.map(each => each.dataset.target)") == ["owl"]
        assert page.locator(".filter output").text_content() == "1 of 2 targets"
        rows = page.locator("tr[data-target='heron']")
        assert rows.count() > 0
        assert not any(row.is_visible() for row in rows.all())
        page.select_option(".filter select", "")
        page.fill(".filter input", "HER")
        assert shown.evaluate_all("all => all.map(each => each.dataset.target)") == ["heron"]


def test_without_scripts_all_is_shown(browser: Any, by_state: Ran) -> None:
    with opened(browser, by_state.path, java_script_enabled=False) as page:
        assert page.locator(".target:not([hidden])").count() == 2
        assert not page.locator(".filter").is_visible()
        assert page.locator(".target img").first.is_visible()


def test_heads_stay_in_sight_while_a_grid_is_scrolled(browser: Any, by_checkpoint: Ran) -> None:
    with opened(browser, by_checkpoint.path, viewport={"width": 1280, "height": 500}) as page:
        frame = page.locator(".target .frame").first
        frame.evaluate("each => { each.style.maxHeight = '15rem'; each.scrollTop = 200; }")
        head, box = frame.locator("thead img").bounding_box(), frame.bounding_box()
        assert head["y"] >= box["y"]
        assert head["y"] + head["height"] < box["y"] + box["height"]


def test_on_paper_nothing_is_cut_off(browser: Any, by_state: Ran) -> None:
    with opened(browser, by_state.path) as page:
        page.emulate_media(media="print")
        heights = page.locator(".frame").evaluate_all(
            "all => all.map(each => each.scrollHeight - each.clientHeight)"
        )
        assert max(heights) <= 1
        assert page.pdf(format="A4").startswith(b"%PDF")
