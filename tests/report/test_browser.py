"""The pages in a real browser: wide and narrow, light and dark, by keyboard, on paper, by axe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import needs_browser, opened
from PIL import Image

from seedwitness.records.attempts import LogCounts
from seedwitness.report.overview import OverviewRow, render_overview

PAGES = ("owl/report.html", "flat/report.html", "index.html")
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
SLOWNESS = 4
"""How much longer than on an idle machine a page may take to open in a test."""

USED_PICTURES = """[...document.querySelectorAll('svg.picture use')].every(
    use => document.querySelector(use.getAttribute('href'))?.tagName === 'image')"""

pytestmark = needs_browser


def owl(project: Path) -> Path:
    return project / "reports" / "owl" / "report.html"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_shows_its_pictures_and_passes_axe(
    browser: Any, project: Path, name: str, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    settings = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with opened(browser, project / "reports" / name, **settings) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
        assert page.evaluate(USED_PICTURES)
        shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (shade == "rgb(255, 255, 255)") == (scheme == "light")
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


def test_axe_would_say_so(browser: Any, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "page.html"
    path.write_text('<!doctype html><html lang="en"><title>t</title><img src="data:,"><p>text</p>')
    with opened(browser, path) as page:
        found = {each["id"] for each in Axe().run(page).response["violations"]}
    assert "image-alt" in found


def test_the_slider_works_by_keyboard(browser: Any, project: Path) -> None:
    with opened(browser, owl(project)) as page:
        slider = page.locator("input[type=range]").first
        target = page.locator(".compare .side.target").first

        def cut() -> str:
            return str(target.evaluate("each => getComputedStyle(each).clipPath"))

        middle = cut()
        slider.focus()
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        assert (slider.input_value(), cut() == middle) == ("60", False)
        assert slider.get_attribute("aria-valuetext") == "60 % target, 40 % regeneration"
        page.keyboard.press("End")
        assert slider.input_value() == "100"
        page.keyboard.press("Home")
        assert slider.input_value() == "0"
        assert page.evaluate("document.activeElement.type") == "range"


def test_every_control_is_reached_by_tab_and_compares(browser: Any, project: Path) -> None:
    with opened(browser, owl(project)) as page:
        reached: list[str] = []
        for _ in range(400):
            page.keyboard.press("Tab")
            tag = page.evaluate(
                "document.activeElement.type ?? document.activeElement.tagName.toLowerCase()"
            )
            if tag == "body":
                break
            reached.append(tag)
        # Two checkpoints: a slider each, and every button that can be seen.
        assert reached.count("range") == 2
        seen = "all => all.filter(each => each.checkVisibility()).length"
        assert reached.count("button") == page.locator("button").evaluate_all(seen) > 20
        shown = page.locator(".compare .regeneration .picture").first
        second = page.locator(".pick").nth(1)
        before = shown.locator("use").get_attribute("href")
        second.focus()
        page.keyboard.press("Enter")
        assert shown.locator("use").get_attribute("href") != before
        chosen = page.locator(".trial[data-chosen]").first
        assert chosen.get_attribute("id") == second.get_attribute("data-scores")
        assert chosen.is_visible()
        assert page.locator(".trial").first.is_hidden()
        pressed = page.locator(".pick").evaluate_all(
            "all => all.map(each => each.getAttribute('aria-pressed'))"
        )
        assert pressed == ["false", "true", "false", "true", "false", "false"]


def test_the_views_enlarging_and_copying_work(browser: Any, project: Path) -> None:
    with opened(browser, owl(project), permissions=["clipboard-read"]) as page:
        figure = page.locator(".compare").first
        left, right = (figure.locator(f".side.{name}") for name in ("target", "regeneration"))
        figure.get_by_role("button", name="Side by side").click()
        assert left.bounding_box()["x"] + left.bounding_box()["width"] <= right.bounding_box()["x"]
        figure.get_by_role("button", name="Difference").click()
        assert left.bounding_box() == right.bounding_box()
        mixed = "each => getComputedStyle(each).mixBlendMode"
        assert right.evaluate(mixed) == "difference"
        enlarge = page.locator(".three .enlarge").nth(1)
        enlarge.click()
        assert page.locator(".zoom .picture").bounding_box()["width"] > 500
        page.keyboard.press("Escape")
        assert page.locator(".zoom").is_hidden()
        assert page.evaluate("document.activeElement.className") == "enlarge"
        button = page.locator("pre + .copy").first
        button.click()
        page.get_by_text("Copied", exact=True).wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "sha256sum evidence.json"


def test_the_contents_stay_in_view(browser: Any, project: Path) -> None:
    for width in WIDTHS:
        with opened(browser, owl(project), viewport={"width": width, "height": 900}) as page:
            page.evaluate("document.querySelector('#identity').scrollIntoView()")
            page.wait_for_timeout(800)
            box = page.locator(".contents").bounding_box()
            assert 0 <= box["y"] < 100


@pytest.mark.parametrize("medium", ["no script", "print"])
@pytest.mark.parametrize("width", WIDTHS)
def test_without_script_and_on_paper_both_pictures_stand_side_by_side(
    browser: Any, project: Path, medium: str, width: int
) -> None:
    settings = {
        "viewport": {"width": width, "height": 900},
        "java_script_enabled": medium == "print",
    }
    with opened(browser, owl(project), **settings) as page:
        if medium == "print":
            page.emulate_media(media="print")
        left = page.locator(".compare .side.target").first.bounding_box()
        right = page.locator(".compare .side.regeneration").first.bounding_box()
        assert left["x"] + left["width"] <= right["x"]
        assert left["width"] == right["width"] > 100
        assert left["y"] == right["y"]
        assert not page.locator("input[type=range]").first.is_visible()


def test_it_prints(browser: Any, project: Path) -> None:
    with opened(browser, owl(project)) as page:
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_thousand_targets_are_opened_filtered_and_sorted(browser: Any, tmp_path: Path) -> None:
    findings = ("supported", "not supported", "inconclusive")
    rows = [
        OverviewRow(
            target=f"picture-{number:04}",
            checkpoint=name,
            is_reference=name == "lab-clean",
            memorised=findings[number % 3],
            memorised_reason="reference ranks close too",
            copies=number % 9,
            trials=8,
            p=(1 + number * 7 % 1000) / 1001,
            generated="inconclusive",
            generated_reason="no seed found",
            seed=None,
            in_corpus=number % 2 == 0,
            picture=False,
        )
        for number in range(1000)
        for name in ("lab-memorised", "lab-clean")
    ]
    counts = LogCounts(attempts_on_image=0, attempts=1000, images=1000, plans=1)
    path = tmp_path / "index.html"
    path.write_text(render_overview(rows, "Evidence report", counts))
    assert path.stat().st_size <= 3_000_000
    for row in rows[::2]:
        folder = tmp_path / "index_files" / row.target
        folder.mkdir(parents=True)
        Image.new("RGB", (64, 48), "#5b6472").save(folder / "_target.webp")
    with opened(browser, path, viewport={"width": 1280, "height": 900}) as page:
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
        assert ready <= 1000 * SLOWNESS
        seen = page.locator("#rows > [role=row]:visible")
        page.get_by_label("Search").fill("picture-0999")
        assert page.locator("#shown").inner_text() == "2 of 2,000 cases"
        assert seen.count() == 2
        page.get_by_label("Search").fill("")
        page.locator("[data-filter=memorised]").select_option("supported")
        page.locator("[data-filter=checkpoint]").select_option("lab-memorised")
        page.locator("[data-filter=corpus]").select_option("yes")
        assert page.locator("#shown").inner_text() == "167 of 2,000 cases"
        page.get_by_role("button", name="p", exact=True).click()
        first = seen.first.get_attribute("data-p")
        page.get_by_role("button", name="p", exact=True).click()
        assert float(first) < float(seen.first.get_attribute("data-p"))
        head = page.get_by_role("columnheader", name="p", exact=True)
        assert head.get_attribute("aria-sort") == "descending"
