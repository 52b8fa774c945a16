"""The console's files: where its page is, how it is kept and packed, and what it may do."""

from __future__ import annotations

import gzip
import http.client
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.settings import Settings
from tests.support.api import serving

INDEX = """<!doctype html><meta name="csp-nonce" content="__NONCE__">
<script type="module" nonce="__NONCE__" src="/console/assets/index-Ab3_-x9Z.js"></script>"""
SCRIPT = "export const words = 'a thousand';\n" * 100


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build of the console."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "index-Ab3_-x9Z.js").write_text(SCRIPT)
    (folder / "assets" / "index-Ab3_-x9Z.js.br").write_bytes(b"packed by the build")
    (folder / "assets" / "plain.js").write_text(SCRIPT)
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "secret.txt").write_text("a secret")
    monkeypatch.setattr("api.console.built_files.FOLDER", folder)
    return folder


@pytest.fixture
async def page(built: Path, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on an API that serves the build."""
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            yield client


async def test_every_address_below_the_console_is_its_page(page: httpx.AsyncClient) -> None:
    nonces = set()
    for path in ("", "/", "/journeys/welcome", "/files/logo.png", "/contacts/a%2Fb", "/index.html"):
        answer = await page.get(f"/console{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = answer.headers["content-security-policy"]
        [nonce] = {*re.findall(r"'nonce-([A-Za-z0-9_-]{20,})'", policy)}
        assert answer.text == INDEX.replace("__NONCE__", nonce)
        nonces.add(nonce)
    assert len(nonces) == 6
    head = await page.head("/console/journeys")
    assert (head.status_code, head.content) == (200, b"")
    posted = await page.post("/console/journeys")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")


async def test_the_page_runs_its_own_files_alone_and_is_in_no_frame(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/console")
    policy = answer.headers["content-security-policy"]
    rules = {name: value for name, _, value in (rule.partition(" ") for rule in policy.split("; "))}
    nonce = rules["script-src"].split("'nonce-")[1].rstrip("'")
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "frame-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    for name, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }.items():
        assert answer.headers[name] == value
    assert "camera=()" in answer.headers["permissions-policy"]


async def test_files_are_kept_by_their_names_and_tags_and_sent_packed(
    page: httpx.AsyncClient,
) -> None:
    address = "/console/assets/index-Ab3_-x9Z.js"
    kept = await page.get(address, headers={"Accept-Encoding": "identity"})
    assert (kept.status_code, kept.text) == (200, SCRIPT)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"] == "text/javascript; charset=utf-8"
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in kept.headers
    tags = {kept.headers["etag"]}
    for accepted, encoding in {
        "gzip, deflate, br, zstd": "br",
        "gzip, br;q=0": "gzip",
        "*": "br",
        "br;q=0, *;q=0.1": "gzip",
    }.items():
        async with page.stream("GET", address, headers={"Accept-Encoding": accepted}) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == encoding
        assert answer.headers["vary"] == "Accept-Encoding"
        plain = b"packed by the build" if encoding == "br" else SCRIPT.encode()
        assert (raw if encoding == "br" else gzip.decompress(raw)) == plain
        tags.add(answer.headers["etag"])
    assert len(tags) == 3
    known = {"Accept-Encoding": "identity", "If-None-Match": kept.headers["etag"]}
    again = await page.get(address, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    icon = await page.get("/console/icon.svg")
    assert (icon.headers["cache-control"], icon.headers["content-type"]) == (
        "no-cache",
        "image/svg+xml",
    )
    assert icon.headers["content-security-policy"].startswith("default-src 'none'")
    unhashed = await page.get("/console/assets/plain.js")
    assert unhashed.headers["cache-control"] == "no-cache"


async def test_no_path_leads_out_of_the_build(page: httpx.AsyncClient, built: Path) -> None:
    for path in (
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "assets/../../secret.txt",
        "assets/..%2f..%2fsecret.txt",
        "assets/link.js",
        f"{built.parent}/secret.txt",
        f"%2f{built.parent}/secret.txt",
        "assets/%00",
        "assets/index-Ab3_-x9Z.js.br",
        "assets/",
        "assets/none-Ab3_-x9Z.js",
    ):
        # As it is: httpx would tidy it up.
        connection = http.client.HTTPConnection(page.base_url.host, page.base_url.port, timeout=20)
        connection.request("GET", f"/console/{path}")
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert "a secret" not in text, path
        assert answer.status == (404 if path.startswith("assets/") else 200), path
        if answer.status == 200:
            assert "csp-nonce" in text


async def test_another_build_is_served_at_once_and_none_is_said(
    page: httpx.AsyncClient, built: Path
) -> None:
    assert (await page.get("/console/assets/plain.js")).text == SCRIPT
    (built / "assets" / "plain.js").write_text("export {};")
    (built / "index.html").write_text("<!doctype html>another build")
    assert (await page.get("/console")).text == "<!doctype html>another build"
    assert (await page.get("/console/assets/plain.js")).text == "export {};"
    (built / "index.html").unlink()
    missing = await page.get("/console/journeys")
    assert missing.status_code == 503
    assert "<code>make setup</code>" in missing.text
    assert "'none'" in missing.headers["content-security-policy"]
