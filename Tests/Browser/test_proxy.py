"""The page behind nginx, as docs/serve.md sets it up."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

TOKEN = "0123456789abcdef0123"
PAGE = Path(__file__).parents[2] / "docs" / "serve.md"
pytestmark = pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="nginx is not installed")


@pytest.fixture
def proxied(start_fixture, tmp_path):
    """The documented settings, with this test's certificate and ports."""
    page = start_fixture(TOKEN=TOKEN, PROXY="yes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "pem"],
        check=True, capture_output=True,
    )
    server = re.search(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "images.example.org;": "localhost;", "127.0.0.1:8080": f"127.0.0.1:{page.port}",
        "/etc/ssl/images.example.org.pem": str(tmp_path / "pem"), "/etc/ssl/images.example.org.key": str(tmp_path / "key"),
    }
    for old, new in changes.items():
        assert old in server, old
        server = server.replace(old, new)
    folders = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    settings = tmp_path / "nginx.conf"
    settings.write_text(f"daemon off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{folders}{server} }}\n")
    nginx = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-p", tmp_path, "-c", settings], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and nginx.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    assert nginx.poll() is None, nginx.stderr.read()
    yield f"https://localhost:{port}"
    nginx.terminate()
    nginx.wait(timeout=20)


def test_a_login_over_https(open_page, proxied, few_images):
    page = open_page("/?id=0", base=proxied, ignore_https_errors=True)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    page.wait_for_url("**/?id=0")
    [cookie] = page.context.cookies()
    assert cookie["name"] == "__Host-adbvec" and cookie["secure"] and cookie["httpOnly"]
    page.get_by_label("Choose an image").set_input_files(str(few_images / "fish" / "fish-00.png"))
    page.wait_for_url("**/?upload=*")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert page.context.cookies() == []


def test_who_guesses_waits(open_page, proxied):
    page = open_page("/", base=proxied, ignore_https_errors=True)
    page.expected_errors = 1
    for _ in range(6):
        page.get_by_label("Token").fill("no, not that one")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts. Try again in")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts. Try again in")
