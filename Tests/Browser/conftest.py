"""The page over drawn images, and a browser that complains about everything that it would only log."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

sys.dont_write_bytecode = True
HERE = Path(__file__).parent


class Fixture:
    """A running page."""

    def __init__(self, folder, scratch, files=None, **settings):
        """files: how many the page may have open, as prlimit takes it: those that it begins with, a colon, and the most."""
        self.folder, self.lost = folder, scratch / "lost"
        environment = {**os.environ, "PORT": "0", "LOST": str(self.lost), **{k: str(v) for k, v in settings.items()}}
        limit = ["prlimit", f"--nofile={files}"] if files else []
        self.process = subprocess.Popen([*limit, os.environ["PAGE_FIXTURE"], str(folder)], stdout=subprocess.PIPE, text=True, env=environment)
        self.url = self.process.stdout.readline().strip().rstrip("/")
        assert self.url, "the fixture did not start"
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch") / "images"
    if drawn := os.environ.get("PAGE_IMAGES"):
        shutil.copytree(drawn, folder)
    else:
        subprocess.run([sys.executable, HERE / "draw_images.py", folder, "24"], check=True)
    return folder


@pytest.fixture(scope="session")
def fixture(images, tmp_path_factory):
    page = Fixture(images, tmp_path_factory.mktemp("scratch"))
    yield page
    assert page.stop() == 0, "the page did not stop cleanly"


@pytest.fixture(scope="session")
def few_images(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("few") / "images"
    shutil.copytree(images, folder, ignore=lambda _, names: [n for n in names if n.endswith(".png") and not n.endswith("-00.png")])
    return folder


@pytest.fixture
def start_fixture(few_images, tmp_path):
    """Starts pages over a few images, with settings of their own."""
    started = []

    def start(**settings):
        started.append(Fixture(few_images, tmp_path, **settings))
        return started[-1]

    yield start
    for page in started:
        page.process.kill()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, fixture):
    """Opens pages in contexts of their own. At the end no error may stand in a console, nor a request have left."""
    contexts, complaints = [], []

    def open_page(path="/", base=None, **options):
        base = base or fixture.url
        context = chromium.new_context(base_url=base, **{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.expected_errors = 0
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append((page, m.text)))
        page.on("pageerror", lambda error: complaints.append((page, str(error))))
        page.on("request", lambda r: r.url.startswith((base, "blob:", "data:")) or complaints.append((page, "left for " + r.url)))
        page.goto(path)
        return page

    yield open_page
    found = [text for page, text in complaints if page.expected_errors == 0]
    for context in contexts:
        context.close()
    assert found == []
