"""The images of the README; made only when SCREENSHOTS names a folder."""

import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

FOLDER = os.environ.get("SCREENSHOTS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="SCREENSHOTS names no folder")


def save(page, name):
    # The page's policy forbids the strings that wait_for_function evaluates.
    for _ in range(100):
        if page.evaluate("() => [...document.querySelectorAll('.tile img')].every(i => i.complete || i.getBoundingClientRect().top > innerHeight + 400)"):
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(600)
    path = Path(os.environ.get("ROOT", "../..")) / FOLDER / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    # A palette keeps the repository small.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def test_search(open_page):
    page = open_page("/?id=60", viewport={"width": 1200, "height": 800})
    page.locator("a.similar").first.click()
    expect(page.locator("#heading")).not_to_contain_text("(image 60)")
    save(page, "page-search")


def test_an_image(open_page):
    save(open_page("/images/61?id=60", viewport={"width": 1200, "height": 800}), "page-image")


def test_upload_in_the_dark(open_page, images):
    page = open_page("/", viewport={"width": 1200, "height": 800}, color_scheme="dark")
    page.locator("#file").set_input_files(str(images / "planet" / "planet-01.png"))
    expect(page.locator("#heading")).to_contain_text("planet-01.png")
    page.get_by_text("SQL of this search").click()
    save(page, "page-dark")


def test_telephone(open_page):
    page = open_page("/?id=80&k=12", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    save(page, "page-telephone")


def test_start(open_page):
    save(open_page("/", viewport={"width": 1200, "height": 800}), "page-start")
