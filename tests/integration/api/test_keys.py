"""Keys: their scopes, options, listing and revocation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from infra.settings import Settings
from store.operations.api_keys import KeyOptions, create_key, find_key
from tests.integration.api.conftest import Keys, Pool, Rows
from tests.support.conditions import eventually

TRACK = {"userId": "u", "event": "E"}


def _with(key: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **headers}


async def test_a_key_is_made_listed_and_revoked_by_admin(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, keys: Keys
) -> None:
    made = await admin.post(
        "/v1/keys",
        json={
            "scope": "ingest",
            "name": "shop",
            "source": "shop",
            "may_change_addresses": True,
            "user_hash_secret": "0123456789abcdef",
            "origins": ["https://Shop.example"],
            "events_per_minute": 60,
            "expires": "2999-01-01T00:00:00+01:00",
        },
    )
    assert made.status_code == 201
    key = made.json()["key"]
    expected = {
        "scope": "ingest",
        "name": "shop",
        "source": "shop",
        "may_change_addresses": True,
        "user_hash": True,
        "origins": ["https://shop.example"],
        "events_per_minute": 60,
        "expires": "2998-12-31T23:00:00Z",
        "revoked_at": None,
    }
    listed = (await admin.get("/v1/keys", params={"limit": 1})).json()
    assert expected.items() <= listed["items"][0].items()
    assert "0123456789abcdef" not in str(listed)
    others = (await admin.get("/v1/keys", params={"cursor": listed["next"]})).json()
    assert {each["scope"] for each in others["items"]} == {
        "ingest", "read", "edit", "operate", "admin"
    }  # fmt: skip
    assert others["next"] is None
    assert keys.ingest not in str(others)
    assert (await stranger.post("/v1/track", json=TRACK, headers=_with(key))).status_code == 200
    address = f"/v1/keys/{made.json()['id']}"
    assert (await admin.delete(address)).status_code == 204
    # At once in the process that was asked.
    assert (await stranger.post("/v1/track", json=TRACK, headers=_with(key))).status_code == 401
    again = await admin.delete(address)
    assert (again.status_code, again.json()["code"]) == (409, "already_revoked")
    missing = await admin.delete("/v1/keys/00000000-0000-0000-0000-000000000000")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_key")


async def test_keys_are_listed_with_their_makers_their_last_use_and_what_is_to_come(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, rows: Rows
) -> None:
    [(maker,)] = await rows("select name from api_key where scope = 'admin'")
    soon = datetime.now(UTC) + timedelta(days=13)
    made = {}
    for name, expires in (("used", None), ("soon", soon), ("late", soon + timedelta(days=2))):
        body = {"scope": "read", "name": name, "expires": expires and expires.isoformat()}
        made[name] = (await admin.post("/v1/keys", json=body)).json()
        assert (made[name]["made_by"], made[name]["last_used_at"]) == (maker, None)
    past = datetime.now(UTC) - timedelta(days=1)
    body = {"scope": "read", "name": "past", "expires": past.isoformat()}
    assert (await admin.post("/v1/keys", json=body)).is_success
    # Refused for its scope, and in use all the same.
    answer = await stranger.post("/v1/track", json=TRACK, headers=_with(made["used"]["key"]))
    assert answer.status_code == 403

    async def used() -> datetime | None:
        [(at,)] = await rows("select last_used_at from api_key where name = 'used'")
        return None if at is None else datetime.fromisoformat(str(at))

    at = await eventually(used)
    assert at is not None
    assert timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=2)
    assert at.second == 0
    assert (await admin.delete(f"/v1/keys/{made['late']['id']}")).is_success
    listed = (await admin.get("/v1/keys")).json()["items"]
    found = {each["name"]: each for each in listed}
    assert {name: found[name]["state"] for name in ("used", "soon", "late", "past")} == {
        "used": "valid", "soon": "expiring", "late": "revoked", "past": "expired",
    }  # fmt: skip
    assert (found["late"]["made_by"], found["late"]["revoked_by"]) == (maker, maker)
    assert (found["used"]["revoked_by"], found["soon"]["last_used_at"]) == (None, None)
    assert datetime.fromisoformat(found["used"]["last_used_at"]) == at
    # It was made in the database itself, and by no one who is known.
    assert (found[maker]["made_by"], maker) == (None, f"admin {found[maker]['id'][:8]}")


async def test_a_key_that_is_used_often_is_written_once_a_minute(
    stranger: httpx.AsyncClient, keys: Keys, rows: Rows
) -> None:
    async def written() -> int:
        [(updates,)] = await rows(
            "select n_tup_upd from pg_stat_user_tables where relname = 'api_key'"
        )
        return int(updates)

    for _ in range(200):
        answer = await stranger.post("/v1/track", json=TRACK, headers=_with(keys.ingest))
        assert answer.status_code == 200
    assert await eventually(written, 20) in (1, 2)


async def test_options_that_are_not_given_have_their_defaults(pool: Pool) -> None:
    async with pool.connection() as conn:
        public = await find_key(conn, await create_key(conn, "ingest"))
        server = await find_key(conn, await create_key(conn, "operate"))
        chosen = await find_key(
            conn, await create_key(conn, "ingest", options=KeyOptions(may_change_addresses=True))
        )
    assert public is not None
    assert server is not None
    assert chosen is not None
    assert (public.source, public.may_change_addresses) == ("ingest", False)
    assert (server.source, server.may_change_addresses) == ("operate", True)
    assert chosen.may_change_addresses
    assert (public.origins, public.events_per_minute, public.expires_at) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "root"}, "scope"),
        ({}, "scope"),
        ({"scope": "ingest", "origins": ["shop.example"]}, "origins.0"),
        ({"scope": "ingest", "origins": ["https://shop.example/path"]}, "origins.0"),
        ({"scope": "ingest", "events_per_minute": "7"}, "events_per_minute"),
        ({"scope": "ingest", "events_per_minute": 2**31}, "events_per_minute"),
        ({"scope": "ingest", "user_hash_secret": "short"}, "user_hash_secret"),
        ({"scope": "ingest", "expires": "2999-01-01T00:00:00"}, "expires"),
        ({"scope": "ingest", "expires": 5}, "expires"),
        ({"scope": "ingest", "orgins": []}, "orgins"),
    ],
)
async def test_a_wrong_option_is_refused_by_name(
    admin: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await admin.post("/v1/keys", json=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_an_expired_key_is_refused(stranger: httpx.AsyncClient, pool: Pool) -> None:
    async with pool.connection() as conn:
        expired = KeyOptions(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        key = await create_key(conn, "ingest", options=expired)
    answer = await stranger.post("/v1/track", json=TRACK, headers=_with(key))
    assert answer.status_code == 401
    assert "expired" in answer.json()["message"]


async def test_a_key_with_origins_is_for_pages_of_those_and_for_programs(
    stranger: httpx.AsyncClient, pool: Pool
) -> None:
    async with pool.connection() as conn:
        key = await create_key(
            conn, "ingest", options=KeyOptions(origins=("https://shop.example",))
        )
    for origin, status in (
        ({}, 200),
        ({"Origin": "https://shop.example"}, 200),
        ({"Origin": "https://SHOP.example"}, 200),
        ({"Origin": "https://other.example"}, 403),
        ({"Origin": "http://shop.example"}, 403),
        ({"Origin": "null"}, 403),
    ):
        for headers, body in (
            (_with(key, **origin), TRACK),
            (origin, TRACK | {"writeKey": key}),
        ):
            answer = await stranger.post("/v1/track", json=body, headers=headers)
            assert answer.status_code == status, origin
            if status == 403:
                assert answer.json()["code"] == "forbidden_origin"
                assert "https://shop.example" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/v1/contacts/u", {"read", "operate", "admin"}),
        ("PUT", "/v1/contacts/u", {"operate", "admin"}),
        ("DELETE", "/v1/contacts/u", {"admin"}),
        ("GET", "/v1/runs", {"read", "operate", "admin"}),
        ("GET", "/v1/jobs", {"read", "edit", "operate", "admin"}),
        ("GET", "/v1/coupons", {"read", "operate", "admin"}),
        ("POST", "/v1/coupons/p", {"operate", "admin"}),
        ("GET", "/v1/journeys/j/stats", {"read", "operate", "admin"}),
        ("POST", "/v1/journeys/j/runs", {"operate", "admin"}),
        ("POST", "/v1/journeys/j/pause", {"operate", "admin"}),
        ("POST", "/v1/journeys/j/activate", {"operate", "admin"}),
        ("GET", "/v1/journeys/j", {"read", "edit", "operate", "admin"}),
        ("PUT", "/v1/journeys/j", {"edit", "operate", "admin"}),
        ("PUT", "/v1/topics/t", {"edit", "operate", "admin"}),
        ("POST", "/v1/plan", {"edit", "operate", "admin"}),
        ("POST", "/v1/apply", {"operate", "admin"}),
        ("GET", "/v1/keys", {"admin"}),
        ("POST", "/v1/keys", {"admin"}),
        ("POST", "/v1/track", {"ingest", "operate", "admin"}),
    ],
)
async def test_each_scope_may_do_what_it_includes(
    stranger: httpx.AsyncClient, keys: Keys, method: str, path: str, least: set[str]
) -> None:
    allowed = set()
    for scope in ("ingest", "read", "edit", "operate", "admin"):
        answer = await stranger.request(method, path, json={}, headers=_with(getattr(keys, scope)))
        assert answer.status_code != 401
        if answer.status_code != 403:
            allowed.add(scope)
    assert allowed == least


@pytest.mark.parametrize(
    "key", [r"\ud800", "é", r"\u0000", "x" * 20_000, " ", "pk_ingest_"], ids=range(6)
)
async def test_a_text_that_is_no_key_is_refused_without_a_traceback(
    stranger: httpx.AsyncClient, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = f'{{"writeKey": "{key}", "userId": "u", "event": "E"}}'.encode()
    answer = await stranger.post("/v1/track", content=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert not caplog.records


async def test_a_header_of_any_bytes_is_refused(settings: Settings, api_url: str) -> None:
    async with httpx.AsyncClient(base_url=api_url) as client:
        for header in (
            b"Bearer \xff\xfe",
            b"Bearer " + b"k" * 9_000,
            b"Basic /////w==",
            b"Token x",
        ):
            answer = await client.post(
                "/v1/track", json=TRACK, headers=[(b"Authorization", header)]
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
