"""What a person does on the page, in a real browser."""

import re
from pathlib import Path

import pytest
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
    first = cards(page).first.get_attribute("href")
    cards(page).first.click()
    page.wait_for_url("**" + first)
    assert "k=12" in first
    number = re.search(r"id=(\d+)", first).group(1)
    expect(heading(page)).to_contain_text(f"(image {number})")
    expect(page.locator("#results")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("12 images nearest to")


def test_back_and_forward(open_page):
    page = open_page("/?id=60")
    page.evaluate("window.same = true")
    cards(page).nth(2).click()
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
    page.get_by_label("Class").select_option("sea")
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
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/?id=60&k=5&class=sea&ef=200")
    expect(page.locator(".options")).to_contain_text("ef 200")


def test_a_number_out_of_range_is_not_sent(open_page):
    page = open_page("/?id=60")
    page.get_by_label("Results").fill("100000")
    page.get_by_role("button", name="Search").click()
    assert page.url.endswith("/?id=60")
    assert not page.locator("#k").evaluate("k => k.validity.valid")


def test_upload_has_a_link(open_page, images):
    page = open_page()
    page.get_by_label("Choose an image").set_input_files(a_image(images))
    page.wait_for_url("**/?upload=*")
    expect(heading(page)).to_have_text("24 images nearest to fish-03.png")
    # The image itself is in the collection.
    expect(cards(page).first.locator(".distance")).to_contain_text("0.0000")
    page.get_by_label("Class").select_option("planet")
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
    below = page.evaluate("document.activeElement.offsetTop") > page.evaluate("document.querySelector('a.card').offsetTop")
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
    cards(page).first.click()
    expect(heading(page)).not_to_contain_text("(image 60)")
    expect(page.locator(".timing dt")).to_have_text(["features", "database", "rest of the server", "transfer"])
    expect(page.locator(".t-transfer dd")).to_have_text(re.compile(r"^[\d.]+ ms$"))
    expect(page.locator(".split rect")).to_have_count(4)


def test_without_javascript(open_page, images):
    page = open_page(java_script_enabled=False)
    assert not page.get_by_text("or drop or paste one anywhere").is_visible()
    page.locator("#file").set_input_files(a_image(images))
    page.get_by_label("Results").fill("6")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/?upload=*&k=6")
    expect(heading(page)).to_have_text("6 images nearest to fish-03.png")
    page.get_by_label("Class").select_option("fish")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/?upload=*&k=6&class=fish")
    cards(page).first.click()
    expect(heading(page)).to_contain_text("6 images nearest to fish (image")
    page.go_back()
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/?id=60&class=sea", "/?id=99999"])
def test_accessibility(open_page, scheme, path):
    page = open_page("/", color_scheme=scheme)
    page.expected_errors = path == "/?id=99999"
    page.goto(path)
    if page.get_by_text("SQL of this search").count():
        page.get_by_text("SQL of this search").click()
    page.wait_for_timeout(400)
    violations = Axe().run(page).response["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations] == []


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
    page.get_by_role("button", name="Search").click()
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


def test_token(open_page, start_fixture):
    token = "0123456789abcdef0123"
    guarded = start_fixture(TOKEN=token)
    page = open_page("/?id=0", base=guarded.url)
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


def test_more_and_a_largest_distance(open_page):
    page = open_page("/?id=60&k=6")
    page.get_by_text("Show more images").click()
    expect(cards(page)).to_have_count(12)
    page.wait_for_url("**/?id=60&k=12")
    far = float(cards(page).nth(4).locator(".distance").inner_text().split()[-1])
    page.get_by_label("Largest distance").fill(str(far))
    page.get_by_label("Largest distance").press("Enter")
    expect(page.locator(".options")).to_contain_text("distance at most")
    expect(cards(page)).not_to_have_count(12)
    with page.expect_download() as download:
        page.get_by_text("These results as CSV").click()
    assert download.value.path().read_text().startswith("id,class,name,distance")
