"""Sessions of the console: who may sign in, what a session may do, who is refused, when it ends."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from infra.settings import Settings
from store.operations.api_keys import KeyOptions, create_key
from store.operations.console_sessions import MOST
from tests.integration.api.conftest import Keys, Pool, Rows
from tests.support.api import serving
from tests.support.conditions import eventually

TOPIC = {"topic": "news", "default": "opt_in"}


@dataclass
class Browser:
    """A browser: it keeps cookies, and says of each request which page makes it."""

    client: httpx.AsyncClient

    @property
    def origin(self) -> str:
        """The origin of the console's pages."""
        return str(self.client.base_url).rstrip("/")

    async def fetch(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> httpx.Response:
        """A request of a page of the console."""
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        if method != "GET":
            own["Origin"] = self.origin
        own |= headers or {}
        return await self.client.request(method, path, json=body, headers=own)

    async def sign_in(self, key: str | None) -> httpx.Response:
        """Sign in."""
        return await self.fetch("POST", "/v1/session", body={} if key is None else {"key": key})


@pytest.fixture
async def browser(api_url: str) -> AsyncIterator[Browser]:
    """A browser that is not signed in."""
    async with httpx.AsyncClient(base_url=api_url, timeout=20) as client:
        yield Browser(client)


async def test_a_person_signs_in_by_a_key_and_acts_under_its_name(
    browser: Browser, keys: Keys, rows: Rows
) -> None:
    [(key_id, name)] = await rows("select id, name from api_key where scope = 'operate'")
    before = await browser.fetch("GET", "/v1/session")
    assert (before.status_code, before.json()["development"]) == (401, False)
    signed = await browser.sign_in(keys.operate)
    assert signed.status_code == 200, signed.text
    body = signed.json()
    assert body["key"] == {"id": str(key_id), "name": name, "scope": "operate"}
    assert body["may"] == ["ingest", "read", "edit", "operate"]
    assert (body["development"], body["speed"], body["timezone"]) == (False, 1.0, "UTC")
    assert body == (await browser.fetch("GET", "/v1/session")).json()
    [cookie] = [each for each in signed.headers.get_list("set-cookie") if "parcours" in each]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "max-age=604800", "path=/", "samesite=strict"}
    assert cookie.startswith(f"parcours-{urlsplit(browser.origin).port}=")
    # No plain token and no key is in the database.
    stored = await rows("select row_to_json(s)::text from console_session s")
    assert cookie.partition("=")[2].partition(";")[0] not in str(stored)
    saved = await browser.fetch(
        "PUT", "/v1/topics/news", body=TOPIC, headers={"Parcours-Via": "cli"}
    )
    assert saved.status_code == 200, saved.text
    read = await browser.fetch("GET", "/v1/topics/news")
    assert read.status_code == 200
    # A browser that shows it as a page runs nothing in it, and keeps nothing of it.
    assert read.headers["content-security-policy"].startswith("default-src 'none'")
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.headers["cache-control"] == "no-store"
    stream = browser.client.stream("GET", "/v1/log/stream", timeout=30)
    async with stream as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        assert (await browser.fetch("DELETE", "/v1/session")).status_code == 204
        # What comes after the sign-out is not shown any more, but the end.
        await rows("insert into refusal (journey, contact_id, code)"
                   " values ('hello', gen_random_uuid(), 'paused') returning 1")  # fmt: skip
        rest = [line async for line in lines if line]
    assert rest[-2] == "event: end"
    assert "signed_out" in rest[-1]
    assert not any("paused" in line for line in rest)
    assert "parcours" not in str(browser.client.cookies)
    logged = await rows(
        "select action, actor, key_id, scope, via, subject from audit"
        " where key_id is not null order by id"
    )
    assert logged == [
        ("key.sign_in", name, key_id, "operate", "console", str(key_id)),
        ("topic.save", name, key_id, "operate", "console", "news"),
        ("key.sign_out", name, key_id, "operate", "console", str(key_id)),
    ]
    after = await browser.fetch("GET", "/v1/topics/news")
    assert after.status_code == 401
    # A browser would show a dialogue of its own over the page.
    assert "basic" not in after.headers["www-authenticate"].lower()
    # It is nothing to sign out twice.
    assert (await browser.fetch("DELETE", "/v1/session")).status_code == 204


async def test_over_https_the_cookie_is_bound_to_the_host(api_url: str, keys: Keys) -> None:
    for headers in (
        {"Host": "console.example", "Origin": "https://console.example"},
        {"Host": "127.0.0.1:8443", "X-Forwarded-Proto": "https",
         "Origin": "https://127.0.0.1:8443"},
    ):  # fmt: skip
        status, answered, _ = _raw(api_url, "POST", "/v1/session", headers, {"key": keys.read})
        assert status == 200
        cookie = answered["set-cookie"]
        token = cookie.partition("=")[2].partition(";")[0]
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-parcours=")
        assert attributes == {"httponly", "max-age=604800", "path=/", "samesite=strict", "secure"}
        own = {**headers, "Cookie": f"__Host-parcours={token}"}
        assert _raw(api_url, "GET", "/v1/journeys", own)[0] == 200
        # A page of the same name without encryption is another origin.
        plain = {**own, "Origin": headers["Origin"].replace("https", "http")}
        assert _raw(api_url, "GET", "/v1/journeys", plain)[0] == 403
    # In clear, a session is for this machine alone.
    plain = {"Host": "console.example", "Origin": "http://console.example"}
    status, _, problem = _raw(api_url, "POST", "/v1/session", plain, {"key": keys.read})
    assert (status, problem["code"]) == (403, "insecure_address")


async def test_what_a_scope_may_not_do_is_refused_by_session_too(
    browser: Browser, keys: Keys
) -> None:
    refused = await browser.sign_in(keys.ingest)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await browser.sign_in(keys.read)).json()["may"] == ["read"]
    assert (await browser.fetch("GET", "/v1/journeys")).status_code == 200
    assert (await browser.fetch("PUT", "/v1/topics/news", body=TOPIC)).status_code == 403
    assert (await browser.fetch("GET", "/v1/keys")).status_code == 403
    # Another sign-in takes the place of the first.
    assert (await browser.sign_in(keys.edit)).json()["may"] == ["edit"]
    assert (await browser.fetch("PUT", "/v1/topics/news", body=TOPIC)).status_code == 200
    assert (await browser.fetch("POST", "/v1/pause", body={"reason": "x"})).status_code == 403
    assert (await browser.sign_in(keys.admin)).status_code == 200
    assert (await browser.fetch("GET", "/v1/keys")).status_code == 200


async def test_tracking_calls_and_public_pages_take_no_session(
    browser: Browser, keys: Keys, rows: Rows
) -> None:
    assert (await browser.sign_in(keys.admin)).status_code == 200
    for path, body in {
        "/v1/track": {"userId": "u", "event": "E"},
        "/v1/identify": {"userId": "u"},
        "/v1/batch": {"batch": [{"type": "track", "userId": "u", "event": "E"}]},
    }.items():
        answer = await browser.fetch("POST", path, body=body)
        assert answer.status_code == 401, path
    assert await rows("select 1 from contact") == []


async def test_pages_of_other_origins_are_refused(browser: Browser, keys: Keys) -> None:
    assert (await browser.sign_in(keys.admin)).status_code == 200
    port = urlsplit(browser.origin).port
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{(port or 0) + 1}"},
        {"Origin": f"http://localhost:{port}"},
        {"Origin": f"http://127.0.0.1:{port}.evil.example"},
        {"Origin": f"ftp://127.0.0.1:{port}"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": browser.origin},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ]
    mutating = [*foreign, {}, {"Sec-Fetch-Site": "none"}]
    for headers in mutating:
        for method, path, body in (
            ("PUT", "/v1/topics/news", TOPIC),
            ("POST", "/v1/session", {"key": keys.admin}),
            ("DELETE", "/v1/session", None),
        ):
            answer = await browser.client.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin"), headers
    for headers in foreign:
        answer = await browser.client.get("/v1/journeys", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin"), headers
        assert "access-control-allow-origin" not in answer.headers
    # A person who opens an address, and a browser that says nothing of where it comes from.
    for headers in ({"Sec-Fetch-Site": "none"}, {}):
        assert (await browser.client.get("/v1/journeys", headers=headers)).status_code == 200
    assert (await browser.fetch("PUT", "/v1/topics/news", body=TOPIC)).status_code == 200
    # A program sends a key, from wherever it runs.
    with_key = {"Authorization": f"Bearer {keys.admin}", "Sec-Fetch-Site": "cross-site"}
    assert (await browser.client.get("/v1/journeys", headers=with_key)).status_code == 200


async def test_a_session_ends_by_time_and_with_its_key(
    browser: Browser, keys: Keys, admin: httpx.AsyncClient, pool: Pool, rows: Rows
) -> None:
    async def signed_out() -> bool:
        answer = await browser.fetch("GET", "/v1/journeys")
        assert answer.status_code in (200, 401)
        return answer.status_code == 401

    async def forget() -> None:
        """A sign-in lets the process forget which sessions there were, at once."""
        async with httpx.AsyncClient(base_url=browser.origin, timeout=20) as other:
            assert (await Browser(other).sign_in(keys.edit)).status_code == 200

    for ended in (
        "used_at = now() - interval '12 hours 1 second'",
        "began_at = now() - interval '7 days 1 second'",
    ):
        assert (await browser.sign_in(keys.read)).status_code == 200
        assert not await signed_out()
        await rows(f"update console_session set {ended} returning 1")
        await forget()
        assert await signed_out()
        assert (await browser.fetch("GET", "/v1/journeys")).json()["code"] == "signed_out"
    # Nearly as long is not too long, and a use moves the end.
    assert (await browser.sign_in(keys.read)).status_code == 200
    await rows("update console_session set used_at = now() - interval '11 hours 59 minutes'"
               " returning 1")  # fmt: skip
    await forget()
    assert not await signed_out()
    assert await rows("select 1 from console_session where used_at > now() - interval '1 minute'"
                      " and key_id = (select id from api_key where scope = 'read')")  # fmt: skip
    # Revoked here, it is refused at once.
    key = (await admin.post("/v1/keys", json={"scope": "read", "name": "lee"})).json()
    assert (await browser.sign_in(key["key"])).status_code == 200
    assert not await signed_out()
    assert (await admin.delete(f"/v1/keys/{key['id']}")).status_code == 204
    assert await signed_out()
    assert (await browser.sign_in(key["key"])).json()["code"] == "wrong_key"
    # And when it expires.
    async with pool.connection() as conn:
        plain = await create_key(conn, "read", "soon")
    signed = await browser.sign_in(plain)
    assert signed.status_code == 200
    await rows("update api_key set expires_at = now() where name = 'soon' returning 1")
    # It is remembered for a few seconds.
    await eventually(signed_out)
    assert (await browser.sign_in(plain)).status_code == 401


async def test_a_key_of_certain_pages_signs_in_only_there(browser: Browser, pool: Pool) -> None:
    async with pool.connection() as conn:
        elsewhere = KeyOptions(origins=("https://shop.example",))
        here = KeyOptions(origins=(browser.origin,))
        refused = await create_key(conn, "read", options=elsewhere)
        taken = await create_key(conn, "read", options=here)
    answer = await browser.sign_in(refused)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")
    assert (await browser.sign_in(taken)).status_code == 200
    assert (await browser.fetch("GET", "/v1/journeys")).status_code == 200


async def test_sessions_of_a_key_are_bounded(api_url: str, keys: Keys, rows: Rows) -> None:
    clients = [httpx.AsyncClient(base_url=api_url, timeout=20) for _ in range(MOST + 2)]
    try:
        for client in clients:
            assert (await Browser(client).sign_in(keys.read)).status_code == 200
        [(count,)] = await rows("select count(*) from console_session")
        assert count == MOST
        answers = [(await Browser(each).fetch("GET", "/v1/journeys")).status_code
                   for each in clients]  # fmt: skip
        assert answers == [401, 401, *[200] * MOST]
    finally:
        for client in clients:
            await client.aclose()


async def test_keys_cannot_be_guessed_fast(browser: Browser, keys: Keys) -> None:
    statuses = [(await browser.sign_in(f"pk_admin_{n}")).status_code for n in range(21)]
    # The minute may change in between.
    assert statuses[:10] == [401] * 10
    assert statuses.count(429) >= 1
    limited = await browser.sign_in(keys.admin)
    if limited.status_code == 429:
        assert limited.headers["retry-after"] == "60"
        assert limited.json()["code"] == "too_many_keys"


# ------------------------------------------------------------------------------- development


@pytest.fixture
async def dev_url(settings: Settings, keys: Keys) -> AsyncIterator[str]:
    """The address of the API of a development stack."""
    given = {"dev_console_key": SecretStr(keys.admin)}
    with serving(settings.model_copy(update=given)) as url:
        yield url


async def test_the_development_stack_signs_in_by_itself_on_loopback_alone(
    dev_url: str, rows: Rows
) -> None:
    port = urlsplit(dev_url).port
    async with httpx.AsyncClient(base_url=dev_url, timeout=20) as client:
        browser = Browser(client)
        before = await browser.fetch("GET", "/v1/session")
        assert (before.status_code, before.json()["development"]) == (401, True)
        # To open the page begins no session.
        assert (await client.get("/console")).headers.get("set-cookie") is None
        signed = await browser.sign_in(None)
        assert signed.status_code == 200
        assert (signed.json()["key"]["scope"], signed.json()["development"]) == ("admin", True)
        assert (await browser.fetch("GET", "/v1/keys")).status_code == 200
    own = {"Host": f"127.0.0.1:{port}", "Origin": f"http://127.0.0.1:{port}"}
    assert _raw(dev_url, "POST", "/v1/session", own, {})[0] == 200
    refused = {
        # A name of another site that leads to this machine.
        "rebinding": {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
        "rebinding, encrypted": {"Host": "evil.example", "Origin": "https://evil.example"},
        "another site": {**own, "Origin": "https://evil.example"},
        "another site's frame": {**own, "Sec-Fetch-Site": "cross-site"},
        "another port": {**own, "Sec-Fetch-Site": "same-site"},
        "no page": {"Host": f"127.0.0.1:{port}"},
        # A tunnel is on this machine, and its clients are not.
        "tunnel": {**own, "X-Forwarded-For": "203.0.113.7"},
        "tunnel of a local client": {**own, "X-Forwarded-For": "127.0.0.1"},
        "tunnel by name": {**own, "X-Forwarded-Host": "dev.tunnel.example"},
        "proxy": {**own, "Forwarded": "for=203.0.113.7"},
    }
    for why, headers in refused.items():
        status, answered, _ = _raw(dev_url, "POST", "/v1/session", headers, {})
        assert status in (401, 403), why
        assert "set-cookie" not in answered, why
    [(count,)] = await rows("select count(*) from audit where action = 'key.sign_in'")
    assert count == 2


def _raw(
    url: str, method: str, path: str, headers: Mapping[str, str], body: Any = None
) -> tuple[int, dict[str, str], Any]:
    """A request with the header Host as it is given: status, headers and JSON of the answer."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    try:
        content = None if body is None else json.dumps(body)
        given = {"Content-Type": "application/json", **headers}
        connection.request(method, path, content, given)
        answer = connection.getresponse()
        answered = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, answered, json.loads(answer.read() or b"null")
    finally:
        connection.close()


# ---------------------------------------------------------------------------------- previews


async def test_a_preview_runs_nothing_and_fetches_nothing(browser: Browser, keys: Keys) -> None:
    html = "<p style='color:red'>Hé</p><script>alert(1)</script>"
    own = {"Origin": browser.origin, "Sec-Fetch-Site": "same-origin"}

    async def show(headers: Mapping[str, str], **fields: str) -> httpx.Response:
        return await browser.client.post("/console/preview", data=fields, headers=headers)

    assert (await show(own, html=html)).status_code == 401
    assert (await browser.sign_in(keys.read)).status_code == 200
    shown = await show(own, html=html)
    assert (shown.status_code, shown.text) == (200, html)
    rules = shown.headers["content-security-policy"].split("; ")
    assert rules == [
        "sandbox",
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    ]
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    pictures = await show(own, html=html, images="yes")
    assert "img-src data: https: http:" in pictures.headers["content-security-policy"]
    assert "script-src" not in pictures.headers["content-security-policy"]
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await show(foreign, html=html)).status_code == 403
    assert (await show(own, html=html, onload="x")).status_code == 400
