"""Files over HTTP: uploads, and attachments that are fetched when a document is saved."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from ipaddress import ip_network

import httpx
import pytest

from infra.settings import Settings
from journeys.model.attachments import ATTACHMENTS_BYTES
from tests.integration.api.conftest import Keys, Rows
from tests.integration.channels.http_server import Exchange, HttpServer, running_http
from tests.support.api import serving

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def journey(attachments: str, key: str = "a") -> str:
    return (
        f"journey: {key}\nentry: {{event: E}}\nsteps:\n  - id: mail\n    email:\n"
        "      subject: S\n      text: T\n      transactional: true\n"
        f"      attachments: {attachments}\n"
    )


async def test_a_file_is_uploaded_listed_replaced_and_removed(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    put = await operate.put(
        "/v1/files/logo.png", content=PNG, headers={"Content-Type": "application/octet-stream"}
    )
    assert put.status_code == 200, put.text
    kept = put.json()
    assert (kept["name"], kept["size"], kept["content_type"], kept["sha256"]) == (
        "logo.png", len(PNG), "image/png", hashlib.sha256(PNG).hexdigest(),
    )  # fmt: skip
    same = await operate.put(
        "/v1/files/copy.bin", content=PNG, headers={"Content-Type": "Image/X-Own; q=1"}
    )
    assert same.json()["content_type"] == "image/x-own"
    assert await rows("select count(*) from file_content") == [(1,)]
    listed = (await operate.get("/v1/files?limit=1")).json()
    assert ([each["name"] for each in listed["items"]], listed["next"]) == (
        ["copy.bin"], "copy.bin",
    )  # fmt: skip
    await operate.put("/v1/files/logo.png", content=b"new")
    assert (await operate.get("/v1/files/logo.png")).json()["size"] == 3
    assert (await operate.delete("/v1/files/copy.bin")).status_code == 204
    assert await rows("select content from file_content") == [(b"new",)]
    assert (await operate.get("/v1/files/copy.bin")).status_code == 404
    assert (await operate.delete("/v1/files/copy.bin")).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("a.png", b"", 400),
        ("a.png", b"x" * (ATTACHMENTS_BYTES + 1), 413),
        (".hidden", b"x", 422),
        ("a%2Fb", b"x", 422),
        ("a b", b"x", 422),
        ("a" * 101, b"x", 422),
    ],
)
async def test_what_is_no_file_or_too_large_is_refused(
    operate: httpx.AsyncClient, name: str, content: bytes, status: int
) -> None:
    answer = await operate.put(f"/v1/files/{name}", content=content)
    assert answer.status_code == status, answer.text


async def test_a_file_needs_the_right_to_edit(
    ingest: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    for caller, status in ((ingest, 403), (stranger, 401)):
        assert (await caller.put("/v1/files/a.png", content=b"x")).status_code == status
        assert (await caller.get("/v1/files")).status_code == status


async def test_a_document_attaches_known_files_alone_and_keeps_them(
    operate: httpx.AsyncClient,
) -> None:
    unknown = await operate.put("/v1/journeys/a", content=journey("[{file: terms.pdf}]"))
    assert unknown.status_code == 422
    assert "there is no file `terms.pdf`" in unknown.text
    await operate.put("/v1/files/terms.pdf", content=b"%PDF")
    saved = await operate.put("/v1/journeys/a", content=journey("[{file: terms.pdf}]"))
    assert saved.status_code == 200, saved.text
    used = await operate.delete("/v1/files/terms.pdf")
    assert (used.status_code, used.json()["code"]) == (409, "in_use")
    assert "journey a v1" in used.text
    await operate.put("/v1/journeys/a", content=journey("[]"))
    assert (await operate.delete("/v1/files/terms.pdf")).status_code == 204


async def test_the_files_of_a_mail_are_bounded_together(operate: httpx.AsyncClient) -> None:
    half = b"x" * (ATTACHMENTS_BYTES // 2 + 1)
    for name in ("a.bin", "b.bin"):
        assert (await operate.put(f"/v1/files/{name}", content=half)).status_code == 200
    one = await operate.put("/v1/journeys/a", content=journey("[{file: a.bin}]"))
    assert one.status_code == 200
    two = await operate.put("/v1/journeys/a", content=journey("[{file: a.bin}, {file: b.bin}]"))
    assert two.status_code == 422
    assert f"a mail has at most {ATTACHMENTS_BYTES}" in two.text


# ------------------------------------------------------------------------------ fetched from URLs


@pytest.fixture
async def assets() -> AsyncIterator[HttpServer]:
    """A server of files."""
    async with running_http() as server:
        yield server


@pytest.fixture
async def author(
    settings: Settings, keys: Keys, assets: HttpServer
) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an API that may fetch files from the server's folder `mail`."""
    own = settings.model_copy(
        update={
            "attachments_from": (f"{assets.url}/mail/",),
            "webhook_allow": (ip_network("127.0.0.0/8"),),
        }
    )
    headers = {"Authorization": f"Bearer {keys.operate}"}
    with serving(own) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client


async def test_a_file_at_a_url_is_fetched_when_saved_and_again_when_saved_again(
    author: httpx.AsyncClient, assets: HttpServer, rows: Rows
) -> None:
    content = b"%PDF one"

    async def serve(exchange: Exchange) -> None:
        await exchange.answer(200, content, Content_Type="Application/PDF; charset=x")

    assets.behaviour = serve
    text = journey(f"[{{url: '{assets.url}/mail/terms.pdf?v=1'}}]")
    saved = await author.put("/v1/journeys/a", content=text)
    assert saved.status_code == 200, saved.text
    [request] = assets.requests
    assert (request.method, request.target) == ("GET", "/mail/terms.pdf?v=1")
    assert request.headers["accept-encoding"] == "identity"
    query = (
        "select f.content_type, c.content from fetched_file f join file_content c using (sha256)"
    )
    assert await rows(query) == [("application/pdf", b"%PDF one")]
    content = b"%PDF two"
    again = await author.put("/v1/journeys/a", content=text)
    assert again.json()["version"] == 1
    assert await rows(query) == [("application/pdf", b"%PDF two")]
    assert await rows("select count(*) from file_content") == [(1,)]
    await rows("insert into file_content values ('0', 'old', 3), ('1', 'new', 3) returning sha256")
    await rows(
        "insert into fetched_file values ('https://a/old', '0', 'a/b', now() - interval '31 d'),"
        " ('https://a/new', '1', 'a/b', now() - interval '29 d') returning url"
    )
    await rows(
        "update fetched_file set fetched_at = '2020-01-01' where url like 'http:%%' returning 1"
    )
    # What was fetched before stays if it cannot be fetched now.
    assets.behaviour = lambda exchange: exchange.answer(500)
    assert (await author.put("/v1/journeys/a", content=text)).status_code == 200
    assert (await rows(query + " where url like 'http:%%'")) == [("application/pdf", b"%PDF two")]
    # What no document fetches any more is removed after 30 days.
    assets.behaviour = serve
    other = journey(f"[{{url: '{assets.url}/mail/other.pdf'}}]", key="b")
    assert (await author.put("/v1/journeys/b", content=other)).status_code == 200
    assert await rows("select url from fetched_file order by url") == [
        (f"{assets.url}/mail/other.pdf",), (f"{assets.url}/mail/terms.pdf?v=1",),
        ("https://a/new",),
    ]  # fmt: skip


async def test_a_file_that_cannot_be_fetched_is_refused_with_the_reason(
    author: httpx.AsyncClient, assets: HttpServer, rows: Rows
) -> None:
    async def save(path: str) -> httpx.Response:
        text = journey(f"[{{url: '{assets.url}{path}', name: a.pdf}}]")
        return await author.put("/v1/journeys/a", content=text)

    elsewhere = await save("/other/a.pdf")
    assert elsewhere.status_code == 422
    assert "attachments are not fetched from" in elsewhere.text
    assert assets.requests == []

    async def large(exchange: Exchange) -> None:
        await exchange.answer(200, b"x" * (ATTACHMENTS_BYTES + 1))

    async def leads_away(exchange: Exchange) -> None:
        await exchange.answer(302, Location="http://169.254.169.254/latest/meta-data/")

    async def compressed(exchange: Exchange) -> None:
        await exchange.answer(200, b"x", Content_Encoding="gzip")

    async def dropped(exchange: Exchange) -> None:
        exchange.drop()

    for behaviour, words in (
        (large, f"more than {ATTACHMENTS_BYTES} bytes"),
        (leads_away, "it redirects"),
        (compressed, "compressed"),
        (dropped, "does not answer"),
        (lambda exchange: exchange.answer(404), "answers 404"),
        (lambda exchange: exchange.answer(200), "it is empty"),
        (lambda exchange: exchange.hang(), "did not come within 5 s"),
    ):
        assets.behaviour = behaviour
        answer = await save("/mail/a.pdf")
        assert answer.status_code == 422
        assert words in answer.json()["message"]
    assert await rows("select count(*) from file_content") == [(0,)]
    assert await rows("select count(*) from journey") == [(0,)]


async def test_a_private_address_is_refused_although_its_folder_is_named(
    settings: Settings, keys: Keys, assets: HttpServer
) -> None:
    own = settings.model_copy(update={"attachments_from": (f"{assets.url}/mail/",)})
    headers = {"Authorization": f"Bearer {keys.operate}"}
    with serving(own) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            text = journey(f"[{{url: '{assets.url}/mail/a.pdf'}}]")
            answer = await client.put("/v1/journeys/a", content=text)
    assert answer.status_code == 422
    assert "no address on the public internet" in answer.json()["message"]
    assert assets.requests == []
