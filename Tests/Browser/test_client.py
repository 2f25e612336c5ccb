"""A client that a generator makes from the OpenAPI document works: only the calls are written here."""

import io
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

# The generator knows images as bytes only when it is told so.
TYPES = ["jpeg", "png", "webp", "heic", "heif", "avif", "jxl", "gif", "bmp", "tiff"]


@pytest.fixture(scope="module")
def generated(fixture, tmp_path_factory):
    """The package of the page's own document, importable as page_client."""
    work = tmp_path_factory.mktemp("client")
    document, settings = work / "openapi.json", work / "settings.yml"
    document.write_bytes(urllib.request.urlopen(f"{fixture.url}/openapi.json").read())
    overrides = "".join(f"  image/{kind}: application/octet-stream\n" for kind in TYPES)
    settings.write_text(f"package_name_override: page_client\npost_hooks: []\ncontent_type_overrides:\n{overrides}")
    generator = Path(sys.executable).parent / "openapi-python-client"
    done = subprocess.run(
        [generator, "generate", "--path", document, "--config", settings, "--meta", "none", "--output-path", work / "page_client", "--fail-on-warning"],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(work))
    import page_client

    yield page_client
    sys.path.remove(str(work))


@pytest.fixture
def client(generated, fixture):
    return generated.Client(base_url=fixture.url, raise_on_unexpected_status=True)


def test_a_search_by_id_goes_on_by_its_cursor_to_the_last_image(client):
    from page_client.api.search import search_near
    from page_client.types import Unset

    found, distances, after = [], [], {}
    while True:
        answer = search_near.sync(client=client, id=[60], k=40, **after)
        found += [image.id for image in answer.results]
        distances += [image.distance for image in answer.results]
        if isinstance(answer.next_, Unset):
            break
        after = {"after": answer.next_}
    assert len(found) == 143 and set(found) == set(range(144)) - {60}
    assert distances == sorted(distances)


@pytest.mark.parametrize("as_form", [True, False], ids=["form", "body"])
def test_an_upload_and_the_searches_by_its_key(client, images, as_form):
    from page_client.api.images import image, image_file, upload_thumbnail
    from page_client.api.search import search_near_image, search_near_upload
    from page_client.models import SearchNearImageFilesBody
    from page_client.types import File

    path = images / "fish" / "fish-03.png"
    file = File(payload=io.BytesIO(path.read_bytes()), file_name="fish-03.png", mime_type="image/png")
    answer = search_near_image.sync(client=client, body=SearchNearImageFilesBody(image=file) if as_form else file, k=3)
    assert answer.results[0].distance == 0 and answer.results[0].class_ == "fish"
    again = search_near_upload.sync(key=answer.subject.upload, client=client, k=3, class_="sea")
    assert {result.class_ for result in again.results} == {"sea"}
    assert upload_thumbnail.sync_detailed(key=answer.subject.upload, client=client).content
    own = image.sync(id=answer.results[0].id, client=client)
    assert own.name == "fish-03.png"
    assert image_file.sync_detailed(id=own.id, client=client).content == path.read_bytes()


def test_what_is_wrong_is_told_as_a_problem(client):
    from page_client.api.search import search_near, search_near_vector
    from page_client.models import NearVector, Problem

    gone = search_near.sync(client=client, id=[99_999])
    assert isinstance(gone, Problem) and (gone.status, gone.code) == (404, "not_found")
    short = search_near_vector.sync(client=client, body=NearVector(vector=[1.0]))
    assert isinstance(short, Problem) and short.status == 400


def test_a_token_is_given(generated, start_fixture):
    from page_client.api.search import info

    token = "0123456789abcdef0123"
    page = start_fixture(TOKEN=token)
    known = info.sync(client=generated.AuthenticatedClient(base_url=page.url, token=token))
    assert known.collection == "drawn images"
    # The document of a server without a token tells of no 401.
    assert info.sync_detailed(client=generated.Client(base_url=page.url)).status_code == 401
