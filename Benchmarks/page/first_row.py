"""When the first row of images is there: a cold browser on a slow line.

  first_row.py URL [PATH ...]      URL of a running 'adbvec serve'

Chromium's own throttling with Lighthouse's numbers, each visit in a browser without a cache. Run it with the Python that
Tests/Browser/run installs.
"""

import shutil
import statistics
import sys

from playwright.sync_api import sync_playwright

# Latency in ms, and Mbit/s down and up.
LINES = {"slow 4G": (150, 1.6, 0.75), "fast 4G": (40, 10, 10)}
VISITS = 5

# The first row: images whose top is that of the first one.
WATCH = """
  const look = () => {
    const images = [...document.querySelectorAll('.tile img')];
    const top = image => image.getBoundingClientRect().top;
    const row = images.filter(image => Math.abs(top(image) - top(images[0])) < 5);
    if (row.length && row.every(image => image.complete && image.naturalWidth > 0)) window.firstRow = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""


def visit(browser, url, latency, down, up):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency, "downloadThroughput": down * 125_000, "uploadThroughput": up * 125_000},
    )
    page.add_init_script(WATCH)
    page.goto(url)
    for _ in range(200):
        if page.evaluate("'firstRow' in window"):
            break
        page.wait_for_timeout(50)
    first, bytes_sent = page.evaluate(
        "[window.firstRow, performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter(entry => !entry.name.includes('/thumbnails/')).reduce((sum, entry) => sum + entry.transferSize, 0)]"
    )
    context.close()
    return first, bytes_sent


def main(url, paths):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print("| page | line | first row, ms (median of 5) | page without images, bytes |\n|---|---|---|---|")
        for path in paths:
            for name, line in LINES.items():
                visits = [visit(browser, url.rstrip("/") + path, *line) for _ in range(VISITS)]
                print(f"| `{path}` | {name} | {statistics.median(first for first, _ in visits):.0f} | {max(size for _, size in visits):,} |")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or ["/", "/?id=0"])
