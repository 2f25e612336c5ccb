"""What a person does on the page, in a real browser."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


def heading(page):
    return page.locator("#heading")


def cards(page):
    return page.locator("a.card")


def a_image(images, kind="fish", number=3):
    return str(Path(images) / kind / f"{kind}-{number:02}.png")


def test_starts_from_the_collection(open_page):
    page = open_page()
    expect(heading(page)).to_have_text("Start from an image of the collection")
    expect(cards(page)).to_have_count(24)
    cards(page).first.locator("img.here").wait_for()


def test_each_result_is_one_click_from_its_own_search(open_page):
    page = open_page("/?id=60&k=12")
    expect(heading(page)).to_have_text("12 images nearest to flower (image 60)")
    expect(page.locator("#query strong")).to_have_text("Image 60")
    first = page.locator("a.similar").first.get_attribute("href")
    page.locator("a.similar").first.click()
    page.wait_for_url("**" + first)
    assert "k=12" in first
    number = re.search(r"id=(\d+)", first).group(1)
    expect(heading(page)).to_contain_text(f"(image {number})")
    expect(page.locator("#results")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("12 images nearest to")


def test_back_and_forward(open_page):
    page = open_page("/?id=60")
    page.locator("a.similar").nth(2).click()
    expect(heading(page)).not_to_contain_text("(image 60)")
    second = heading(page).inner_text()
    page.go_back()
    expect(heading(page)).to_contain_text("(image 60)")
    assert page.locator("#id").input_value() == "60"
    page.go_forward()
    expect(heading(page)).to_have_text(second)
    page.reload()
    expect(heading(page)).to_have_text(second)


def test_pages_are_swapped_not_loaded(open_page):
    page = open_page("/?id=60")
    page.evaluate("window.same = true")
    cards(page).first.click()
    expect(heading(page)).not_to_contain_text("(image 60)")
    assert page.evaluate("window.same")


def test_filters_count_and_way_of_searching(open_page):
    page = open_page("/?id=60")
    page.get_by_label("Class", exact=True).select_option("sea")
    expect(page.locator(".options")).to_contain_text("class sea only")
    page.wait_for_url("**/?id=60&class=sea")
    assert set(page.locator(".card .label").all_inner_texts()) == {"sea"}
    page.get_by_label("Results").fill("5")
    page.get_by_label("Results").press("Enter")
    expect(cards(page)).to_have_count(5)
    page.get_by_label("Exact").check()
    page.wait_for_url("**/?id=60&k=5&class=sea&mode=exact")
    expect(page.get_by_label("ef_search")).to_be_disabled()
    page.get_by_label("Index").check()
    page.get_by_label("ef_search").fill("200")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url("**/?id=60&k=5&class=sea&ef=200")
    expect(page.locator(".options")).to_contain_text("ef 200")


def test_a_number_out_of_range_is_not_sent(open_page):
    page = open_page("/?id=60")
    page.get_by_label("Results").fill("100000")
    page.get_by_role("button", name="Search", exact=True).click()
    assert page.url.endswith("/?id=60")
    assert not page.locator("#k").evaluate("k => k.validity.valid")


def test_upload_has_a_link(open_page, images):
    page = open_page()
    page.get_by_label("Choose an image").set_input_files(a_image(images))
    page.wait_for_url("**/?upload=*")
    expect(heading(page)).to_have_text("24 images nearest to fish-03.png")
    # The image itself is in the collection.
    expect(cards(page).first.locator(".distance")).to_contain_text("0.0000")
    page.get_by_label("Class", exact=True).select_option("planet")
    expect(page.locator(".options")).to_contain_text("class planet only")
    link = page.url
    assert "upload=" in link and "class=planet" in link
    other = open_page(link)
    expect(heading(other)).to_contain_text("nearest to fish-03.png")
    expect(other.locator(".t-features dd")).not_to_have_text("0.0 ms")


DROP = """([name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  return data;
}"""


def transfer(page, path, name="image.png", kind="image/png"):
    import base64

    return page.evaluate_handle(DROP, [name, kind, base64.b64encode(Path(path).read_bytes()).decode()])


def test_drop_and_paste(open_page, images):
    page = open_page()
    data = transfer(page, a_image(images), "dropped.png")
    page.dispatch_event("#results", "dragenter", {"dataTransfer": data})
    expect(page.locator("body")).to_have_class("dragging")
    page.dispatch_event("#results", "drop", {"dataTransfer": data})
    expect(heading(page)).to_have_text("24 images nearest to dropped.png")
    expect(page.locator("body")).not_to_have_class("dragging")
    pasted = transfer(page, a_image(images, "sea", 1), "pasted.png")
    page.evaluate("data => dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))", pasted)
    expect(heading(page)).to_have_text("24 images nearest to pasted.png")
    page.go_back()
    expect(heading(page)).to_have_text("24 images nearest to dropped.png")
    expect(page.locator("#query strong")).to_have_text("dropped.png")


def test_what_is_no_image_is_said(open_page, tmp_path):
    page = open_page()
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    page.dispatch_event("#results", "drop", {"dataTransfer": transfer(page, text, "notes.txt", "text/plain")})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is not an image.")
    page.expected_errors = 1
    page.get_by_label("Choose an image").set_input_files({"name": "<b>cut.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n"})
    expect(page.get_by_role("alert")).to_contain_text("Not an image")


def test_keyboard_alone(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#id")).to_be_focused()
    page.keyboard.type("30")
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text("(image 30)")
    cards(page).first.focus()
    page.keyboard.press("ArrowRight")
    expect(cards(page).nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    top = "c => c.getBoundingClientRect().top"
    below = page.locator(":focus").evaluate(top) > cards(page).first.evaluate(top)
    assert below
    page.keyboard.press("Home")
    expect(cards(page).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading(page)).not_to_contain_text("(image 30)")


def test_sql_is_copied(open_page):
    page = open_page("/?id=60", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_text("SQL of this search").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#sql").text_content()


def test_times_are_shown(open_page):
    page = open_page("/?id=60")
    page.locator("a.similar").first.click()
    expect(heading(page)).not_to_contain_text("(image 60)")
    expect(page.locator(".timing dt")).to_have_text(["features", "database", "rest of the server", "transfer"])
    expect(page.locator(".t-transfer dd")).to_have_text(re.compile(r"^[\d.]+ ms$"))
    expect(page.locator(".split rect")).to_have_count(4)


def test_without_javascript(open_page, images):
    page = open_page(java_script_enabled=False)
    assert not page.get_by_text("or drop or paste one anywhere").is_visible()
    page.locator("#file").set_input_files(a_image(images))
    page.get_by_label("Results").fill("6")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url("**/?upload=*&k=6")
    expect(heading(page)).to_have_text("6 images nearest to fish-03.png")
    page.get_by_label("Class", exact=True).select_option("fish")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url("**/?upload=*&k=6&class=fish")
    cards(page).first.click()
    expect(heading(page)).to_contain_text("Image ")
    page.get_by_role("link", name="More like this").click()
    expect(heading(page)).to_contain_text("6 images nearest to fish (image")
    page.go_back()
    page.get_by_role("link", name="Back to the images").click()
    expect(heading(page)).to_contain_text("fish-03.png")


def test_telephone(open_page):
    page = open_page("/?id=60", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    cards(page).first.tap()
    expect(heading(page)).not_to_contain_text("(image 60)")
    page.get_by_text("Number, class and other options").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for control in page.locator("form select, form button, form input:not([type=hidden]):not([type=radio])").all():
        assert control.bounding_box()["height"] >= 40


def barriers(page):
    """What axe finds."""
    # Images fade in.
    page.wait_for_timeout(400)
    return [(v["id"], [node["html"] for node in v["nodes"]]) for v in Axe().run(page).response["violations"]]


STATES = [
    "/", "/?class=sea", "/?id=60&class=sea", "/?id=60&within=0.000001", "/?id=99999", "/?k=0", "/images/61", "/images/61?id=60",
    "/images/99999", "/?id=60&id=61&not=30&lang=ja", "/?id=60&lang=zh",
]
TELEPHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}, TELEPHONE], ids=["light", "dark", "forced", "telephone"])
@pytest.mark.parametrize("path", STATES)
def test_accessibility(open_page, options, path):
    page = open_page("about:blank", **options)
    page.expected_errors = "99999" in path or "k=0" in path
    page.goto(path)
    page.evaluate("document.querySelectorAll('details').forEach(closed => closed.open = true)")
    if page.locator(".pick input").count():
        page.locator(".pick input").first.check()
    assert barriers(page) == []


def test_accessibility_of_an_upload_and_of_what_is_said_of_none(open_page, images, tmp_path):
    page = open_page()
    page.get_by_label("Choose an image").set_input_files(a_image(images))
    page.wait_for_url("**/?upload=*")
    assert barriers(page) == []
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    page.dispatch_event("#results", "drop", {"dataTransfer": transfer(page, text, "notes.txt", "text/plain")})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is not an image.")
    assert barriers(page) == []


def test_tab_reaches_everything_in_reading_order(open_page):
    page = open_page("/?id=60&k=4")
    # From the first stop to the last: what has the focus, whether it can be seen, and what it is called.
    look = """() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const all = [...document.querySelectorAll('*')];
      const box = element.getBoundingClientRect();
      const name = element.getAttribute('aria-label') || element.labels?.[0]?.textContent || element.closest('label')?.textContent
        || element.title || element.textContent;
      return [all.indexOf(element), name.trim(), box.width * box.height > 0 && box.bottom > 0 && box.top < innerHeight];
    }"""
    stops = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate(look)
        if stop is None:
            break
        stops.append(stop)
    assert 20 < len(stops) < 200
    assert [stop for stop in stops if not stop[1] or not stop[2]] == []
    places = [stop[0] for stop in stops]
    assert places == sorted(set(places))
    assert stops[0][1] == "Skip to the images" and stops[-1][1] == "中文"


def test_database_loss_is_said_and_ends(open_page, fixture):
    page = open_page("/?id=60")
    page.expected_errors = 1
    fixture.lost.touch()
    try:
        cards(page).first.click()
        expect(page.get_by_role("alert")).to_contain_text("Not just now")
        expect(page.get_by_role("alert")).to_contain_text("the database does not answer")
    finally:
        fixture.lost.unlink()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(heading(page)).to_contain_text("24 images nearest to")


def test_a_missing_file_is_a_placeholder(open_page, fixture, images):
    path = Path(a_image(images, "sea", 23))
    hidden = path.with_suffix(".away")
    path.rename(hidden)
    try:
        page = open_page("/?id=143")
        width = page.locator("#query img").evaluate("image => image.complete && image.naturalWidth")
        assert width > 0
    finally:
        hidden.rename(path)


@pytest.mark.parametrize("options", [{}, TELEPHONE], ids=["desktop", "telephone"])
def test_token(open_page, start_fixture, options):
    token = "0123456789abcdef0123"
    guarded = start_fixture(TOKEN=token)
    page = open_page("/?id=0", base=guarded.url, **options)
    page.expected_errors = 1
    page.get_by_label("Token").fill("not the token")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Open").click()
    # The link that was opened survives the login: the other five images, nearest first.
    expect(cards(page)).to_have_count(5)
    assert "id=0" in page.url
    assert page.evaluate("document.cookie") == ""


def test_a_login_that_has_ended_is_asked_for_again(open_page, start_fixture, few_images):
    token = "0123456789abcdef0123"
    guarded = start_fixture(TOKEN=token)
    page = open_page("/?id=0", base=guarded.url)

    def log_in():
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Open").click()
        page.wait_for_url("**/?id=0")
        expect(cards(page)).to_have_count(5)

    log_in()
    # A server that starts again knows no login.
    for act in (
        lambda: page.get_by_label("Choose an image").set_input_files(a_image(few_images, "fish", 0)),
        lambda: page.get_by_label("Image id").press("Enter"),
        page.reload,
    ):
        guarded.stop()
        guarded = start_fixture(TOKEN=token, PORT=guarded.port)
        act()
        page.wait_for_url("**/login?*")
        expect(page.get_by_role("alert")).to_contain_text("The login has ended")
        assert barriers(page) == []
        log_in()


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("width,height,zoom", [(1440, 900, 1), (820, 1180, 1), (390, 844, 1), (844, 390, 1), (320, 640, 1), (1280, 900, 2)])
def test_the_whole_login_fits_the_screen(open_page, start_fixture, width, height, zoom, lang):
    base = start_fixture(TOKEN="0123456789abcdef0123").url
    page = open_page(f"/login?lang={lang}&ended=1", base=base, viewport={"width": width // zoom, "height": height // zoom}, device_scale_factor=zoom)
    wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert wide <= width // zoom
    # On a low screen the languages may be below.
    button = page.get_by_role("button", name=re.compile(".+")).bounding_box()
    assert (high if height // zoom > 500 else button["y"] + button["height"]) <= height // zoom


def test_more_and_a_largest_distance(open_page):
    page = open_page("/?id=60&k=6")
    page.get_by_text("Show more images").click()
    expect(cards(page)).to_have_count(12)
    assert "k=12" in page.locator("#csv").get_attribute("href")
    far = float(cards(page).nth(4).locator(".distance").inner_text().split()[-1])
    page.get_by_label("Largest distance").fill(str(far))
    page.get_by_label("Largest distance").press("Enter")
    expect(page.locator(".options")).to_contain_text("distance at most")
    expect(cards(page)).to_have_count(5)
    with page.expect_download() as download:
        page.get_by_text("These results as CSV").click()
    assert download.value.path().read_text().startswith("id,class,name,distance")


def ids(page):
    return [item.get_attribute("data-id") for item in page.locator("#picks .item").all()]


def test_more_come_with_scrolling_and_stay_for_the_way_back(open_page):
    page = open_page("/?id=60")
    expect(cards(page)).to_have_count(24)
    page.wait_for_timeout(300)
    expect(cards(page)).to_have_count(24)
    page.mouse.move(800, 500)
    while len(ids(page)) < 100:
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(100)
    # An image in the middle: near the end more would come while it is looked at.
    cards(page).nth(50).scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert len(set(ids(page))) == len(ids(page))
    distances = [float(item.get_attribute("data-distance")) for item in page.locator("#picks .item").all()]
    assert distances == sorted(distances)
    shown, top = len(ids(page)), page.evaluate("scrollY")
    assert top > 1_000
    cards(page).nth(50).click()
    expect(heading(page)).to_contain_text("Image ")
    page.keyboard.press("Escape")
    expect(heading(page)).to_contain_text("(image 60)")
    assert len(ids(page)) == shown
    assert abs(page.evaluate("scrollY") - top) < 1_000
    # Past other images, too.
    cards(page).nth(50).click()
    expect(heading(page)).to_contain_text("Image ")
    here = heading(page).inner_text()
    page.keyboard.press("ArrowRight")
    expect(heading(page)).not_to_have_text(here)
    page.get_by_role("link", name="Back to the images").click()
    expect(heading(page)).to_contain_text("(image 60)")
    assert len(ids(page)) == shown


def test_the_collection_ends(open_page):
    page = open_page("/?id=60&class=sea&k=20")
    page.get_by_text("Show more images").click()
    expect(cards(page)).to_have_count(24)
    expect(page.get_by_text("Show more images")).to_have_count(0)


def test_an_image_by_itself(open_page):
    page = open_page("/?id=60&k=12")
    third = ids(page)[2]
    cards(page).nth(2).click()
    expect(heading(page)).to_have_text(f"Image {third}")
    expect(page.locator(".position")).to_have_text("3 of 12")
    assert page.locator(".whole img").evaluate("i => i.decode().then(() => i.naturalWidth)") > 100
    expect(page.locator(".row h2")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".position")).to_have_text("4 of 12")
    page.keyboard.press("ArrowLeft")
    expect(heading(page)).to_have_text(f"Image {third}")
    page.keyboard.press("n")
    page.wait_for_url(f"**/?id=60&not={third}&k=12")
    expect(heading(page)).to_have_text("12 images nearest to 2 examples")
    expect(page.locator(".examples .unlike")).to_have_count(1)
    assert third not in ids(page)
    page.get_by_role("link", name=f"Leave image {third} out").click()
    expect(heading(page)).to_contain_text("(image 60)")
    cards(page).first.click()
    expect(heading(page)).to_contain_text("Image ")
    page.keyboard.press("m")
    expect(heading(page)).to_contain_text("12 images nearest to")


def test_filters_keep_the_examples(open_page):
    page = open_page("/?id=60&id=61&not=30")
    page.get_by_label("Class", exact=True).select_option("sea")
    page.wait_for_url("**/?id=60&id=61&not=30&class=sea")
    page.locator(".facets").get_by_text("every class").click()
    page.wait_for_url("**/?id=60&id=61&not=30")
    page.get_by_role("link", name="Count image 61 more").click()
    page.wait_for_url("**/?id=60&id=61&id=61&not=30")
    expect(page.locator(".weight").nth(1)).to_have_text("+2")


def test_selection_outlives_searches_and_is_exported(open_page):
    page = open_page("/?id=60", permissions=["clipboard-read", "clipboard-write"])
    first = ids(page)[0]
    page.get_by_label(f"Select image {first}").check()
    page.locator(".facets").get_by_text("fish").click()
    expect(page.locator(".options").first).to_contain_text("class fish only")
    second = [id for id in ids(page) if id != first][0]
    cards(page).nth(ids(page).index(second)).focus()
    page.keyboard.press("x")
    bar = page.get_by_role("region", name="Selected images")
    expect(bar).to_contain_text("2 images selected")
    bar.get_by_role("button", name="Copy ids").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{first}\n{second}"
    with page.expect_download() as download:
        bar.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "id,class,name,distance" and [line.split(",")[0] for line in lines[1:]] == [first, second]
    bar.get_by_role("button", name="More like these").click()
    page.wait_for_url(f"**/?class=fish&id={first}&id={second}")
    expect(heading(page)).to_contain_text("2 examples")
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_have_count(0)


def test_a_selection_without_javascript(open_page):
    page = open_page("/?id=60", java_script_enabled=False)
    first, second = ids(page)[:2]
    for id in (first, second):
        page.get_by_label(f"Select image {id}").check()
    page.get_by_role("button", name="Search near the selected images").click()
    page.wait_for_url(f"**/?id={first}&id={second}")
    expect(heading(page)).to_contain_text("2 examples")


def test_a_part_of_an_image(open_page, images):
    page = open_page()
    page.get_by_label("Choose an image").set_input_files(a_image(images))
    page.wait_for_url("**/?upload=*")
    whole = page.url
    page.get_by_role("button", name="Search by a part").click()
    dialog = page.get_by_role("dialog", name="Search by a part of the image")
    region = dialog.get_by_role("group")
    expect(region).to_be_focused()
    wide = region.evaluate("r => r.offsetWidth")
    page.keyboard.press("Shift+ArrowLeft")
    assert region.evaluate("r => r.offsetWidth") < wide
    box = dialog.locator("img").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert Axe().run(page).response["violations"] == []
    dialog.get_by_role("button", name="Search by this part").click()
    page.wait_for_url(lambda url: "upload=" in url and url != whole)
    expect(heading(page)).to_contain_text("nearest to fish-03.png")
    ratio = page.locator("#query img").evaluate("i => i.decode().then(() => i.naturalWidth / i.naturalHeight)")
    assert 0.7 < ratio < 1.4


def test_languages(open_page):
    page = open_page("/?id=60", locale="ja")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("button", name="検索", exact=True)).to_be_visible()
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("button", name="搜索", exact=True)).to_be_visible()
    assert "id=60" in page.url
    page.locator("a.similar").first.click()
    expect(page.get_by_role("status")).to_contain_text("最接近")
    # A chosen language stays.
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh")


def test_an_upload_s_link_survives_a_restart(start_fixture, open_page, few_images, tmp_path):
    page = open_page(base=start_fixture(CACHE=tmp_path).url)
    page.get_by_label("Choose an image").set_input_files(a_image(few_images, number=0))
    page.wait_for_url("**/?upload=*")
    link = page.url[page.url.index("/?"):]
    again = open_page(link, base=start_fixture(CACHE=tmp_path).url)
    expect(heading(again)).to_contain_text("nearest to fish-00.png")
    assert again.locator("#query img").evaluate("i => i.decode().then(() => i.naturalWidth)") > 0
    elsewhere = open_page("/", base=start_fixture().url)
    elsewhere.expected_errors = 1
    elsewhere.goto(link)
    expect(elsewhere.get_by_role("alert")).to_contain_text("no longer remembered; choose or drop the image again")


def weigh(page, base, path):
    """Bytes over the line by address, and how many requests there were."""
    sizes, order = {}, []

    def finished(request):
        name = request.url.split("?")[0].removeprefix(base)
        sizes[name] = request.sizes()["responseBodySize"]
        order.append(name)

    page.on("requestfinished", finished)
    page.goto(path, wait_until="networkidle")
    text = {name: size for name, size in sizes.items() if not name.startswith("/thumbnails/")}
    print(path, sum(text.values()), len(order), text)
    return text, len(order)


@pytest.mark.parametrize("path", STATES)
def test_the_page_is_light(open_page, fixture, path):
    page = open_page("about:blank")
    page.expected_errors = "99999" in path or "k=0" in path
    text, requests = weigh(page, fixture.url, path)
    assert sum(text.values()) < 50_000
    assert len(text) <= 7
    # Images that are below the screen wait until somebody scrolls.
    assert requests <= 7 + 30


def test_the_login_is_light(open_page, start_fixture):
    base = start_fixture(TOKEN="0123456789abcdef0123").url
    text, requests = weigh(open_page("about:blank", base=base), base, "/")
    assert sum(text.values()) < 20_000 and requests <= 4


@pytest.mark.parametrize("options", [{}, TELEPHONE], ids=["desktop", "telephone"])
@pytest.mark.parametrize("path", STATES)
def test_nothing_moves_while_the_page_loads(open_page, path, options):
    page = open_page("about:blank", **options)
    page.expected_errors = "99999" in path or "k=0" in path
    wide = io.BytesIO()
    Image.new("RGB", (900, 200)).save(wide, "PNG")
    page.add_init_script("""
      window.moved = [];
      new PerformanceObserver(list => {
        for (const entry of list.getEntries()) moved.push([entry.value, ...entry.sources.map(s => s.node?.outerHTML?.slice(0, 80))]);
      }).observe({ type: 'layout-shift', buffered: true });
    """)
    # An image by itself has another shape than the place that is kept for it.
    page.route(re.compile("side=1024"), lambda route: route.fulfill(body=wide.getvalue(), content_type="image/png"))
    page.goto(path, wait_until="networkidle")
    page.wait_for_timeout(300)
    assert page.locator("img:not([width])").count() == 0
    moved = page.evaluate("window.moved")
    assert sum(value for value, *_ in moved) < 0.01, moved


def test_an_address_of_an_image_is_asked_for_where_the_server_takes_it(open_page, start_fixture, fixture):
    assert open_page("/").get_by_label("Or the address of one").count() == 0
    page = open_page("/", base=start_fixture(ADDRESSES="yes").url)
    assert barriers(page) == []
    field = page.get_by_label("Or the address of one")
    field.fill("http://localhost/a.png")
    field.press("Enter")
    assert not field.evaluate("f => f.validity.valid")
    page.expected_errors = 1
    # This machine is not on the public web.
    field.fill(fixture.url.replace("http:", "https:").replace("127.0.0.1", "localhost") + "/assets/icon.svg")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no image came from that address")
    assert barriers(page) == []


@pytest.mark.parametrize("width,zoom", [(1440, 1), (820, 1), (390, 1), (320, 1), (1280, 2)])
@pytest.mark.parametrize("path", ["/", "/?id=60&id=61&not=30", "/images/61?id=60"])
def test_nothing_is_wider_than_the_screen(open_page, path, width, zoom):
    # A browser's zoom makes the page's pixels larger, and so fewer.
    page = open_page(path, viewport={"width": width // zoom, "height": 800}, device_scale_factor=zoom)
    assert page.evaluate("document.documentElement.scrollWidth") <= width // zoom


@pytest.mark.parametrize("name", ["public.photographs_of_the_archive_1871_to_1914", "写真" * 30])
def test_a_long_name_of_the_collection_is_wrapped(open_page, start_fixture, name):
    page = open_page("/", base=start_fixture(COLLECTION=name).url, viewport={"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    box = page.get_by_text(name).bounding_box()
    assert box["x"] + box["width"] <= 320


def test_forced_colours(open_page):
    page = open_page("/?id=60&class=sea", forced_colors="active")
    chosen = page.locator(".facets [aria-current]").evaluate("a => getComputedStyle(a).backgroundColor")
    other = page.locator(".facets a:not([aria-current])").first.evaluate("a => getComputedStyle(a).backgroundColor")
    assert chosen != other
