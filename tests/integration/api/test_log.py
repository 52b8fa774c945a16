"""The log as pages: each thing once, in its words, by every filter and however it is paged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest

from store.reports import log
from store.reports.log_types import LOG_TYPES, TYPES
from store.retention.removal import Kind
from tests.integration.api.conftest import Keys, Pool, Rows
from tests.support.engine import activate

JOURNEY = """
journey: welcome
entry: {event: Joined}
steps:
  - {id: hello, email: {subject: S, text: T, transactional: true}}
  - {id: pause, wait: 2d}
"""
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
RUN = "018f0000-0000-7000-8000-000000000001"
MESSAGE = "018f0000-0000-7000-8000-000000000002"
JOB = "018f0000-0000-7000-8000-000000000003"
KEY = "018f0000-0000-7000-8000-000000000004"
PLANTED = (
    "insert into api_key (id, sha256, scope, name) values ('{key}', 'x', 'operate', 'shop')",
    """insert into event (id, contact_id, name, properties, message_id, stamped_at) values
        (1, '{ada}', 'Contact Created', '{{}}', '1', '{0}'),
        (2, '{ada}', 'Contact Changed',
         '{{"names": ["plan"], "changes": {{"plan": ["a", "b"]}}}}', '2', '{1}'),
        (3, '{ada}', 'Group Joined', '{{"group": "vip"}}', '3', '{2}'),
        (4, '{ada}', 'Segment Entered', '{{"segment": "vips", "by": "event"}}', '4', '{3}'),
        (5, '{ada}', 'Topic Subscribed', '{{"topic": "news"}}', '5', '{4}'),
        (6, '{ada}', 'Joined', '{{"plan": "b"}}', '6', '{5}')""",
    """insert into rejected_item (source, key_id, reference, name, code, message, body, received_at)
       values ('ingest', '{key}', 'ada', 'Joined', 'unknown_topic', 'there is no topic', '{{}}',
               '{6}')""",
    """insert into run (id, journey, version, contact_id, key, entry_event_id, entry_ref, ref,
                        started_at, state, ended_at, outcome, step)
       values ('{run}', 'welcome', 1, '{ada}', 'k', 6, 6, 6, '{7}', 'ended', '{13}', 'completed',
               'pause')""",
    """insert into refusal (journey, contact_id, event_id, code, refused_at)
       values ('other', '{ada}', 6, 'paused', '{8}')""",
    """insert into message (id, run_id, visit, step, contact_id, channel, state, token)
       values ('{message}', '{run}', 1, 'hello', '{ada}', 'email', 'sent', 't')""",
    """insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, recorded_at,
                          message_id)
       values ('{run}', 1, 'hello', 'email', 'sent', '{7}', '{9}', '{9}', '{message}'),
              ('{run}', 2, 'pause', 'wait', 'timeout', '{9}', '{0}', '{11}', null)""",
    """insert into event (id, contact_id, name, properties, message_id, stamped_at) values
        (7, '{ada}', 'Message Opened', '{{"message_id": "{message}"}}', '7', '{10}'),
        (8, '{bob}', 'Message Opened', '{{"message_id": "no id"}}', '8', '{19}')""",
    """insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at,
                         recorded_at, value)
       values ('{run}', 'welcome', '{ada}', 'Bought', 6, 7, '{0}', '{12}', 9.5)""",
    """insert into run_repair (run_id, action, visit, step, reason, key_id, made_by, made_at)
       values ('{run}', 'skip', 2, 'pause', 'too long', '{key}', 'shop', '{14}')""",
    """insert into audit (actor, key_id, via, action, subject_kind, subject, journey, reason, at)
       values ('shop', '{key}', 'api', 'journey.pause', 'journey', 'welcome', 'welcome', 'why',
               '{15}')""",
    """insert into job (id, kind, journey, subject, state, started_at, ended_at, total, done,
                        key_id)
       values ('{job}', 'repair', 'welcome', 'skip', 'done', '{16}', '{17}', 3, 3, '{key}')""",
    """insert into fault (run_id, activity, code, detail, subject, happened_at)
       values ('{run}', 'send', 'unreachable', 'no route', 'run {run} 1', '{18}')""",
    """insert into dead_event (event_id, contact_id, code, detail, died_at)
       values (6, '{ada}', 'too_big', 'the start is too big', '{20}')""",
)
EXPECTED = (
    ("dead_event", "ada", "the dispatch of Joined was given up: too_big: the start is too big"),
    ("delivery", "bob", "Message Opened (message_id: no id)"),
    ("fault", "ada", f"run {RUN} 1 (send): unreachable: no route"),
    ("job", None, "a job ended (done): repair runs: skip: 3 of 3"),
    ("job", None, "a job began: repair runs: skip, by shop"),
    ("action", None, "shop paused journey welcome"),
    ("repair", "ada", "shop used skip on welcome at pause: too long"),
    ("end", "ada", "ended welcome version 1: completed"),
    ("goal", "ada", "met the goal of welcome by Bought, worth 9.5"),
    ("visit", "ada", "was at pause of welcome (wait): timeout"),
    ("delivery", "ada", f"Message Opened (message_id: {MESSAGE})"),
    ("send", "ada", "was at hello of welcome (email): sent"),
    ("refusal", "ada",
     "was not let into other: the journey is paused and takes no entries; resume it first"),
    ("entry", "ada", "began welcome version 1, with the key k"),
    ("rejected", "ada", "Joined was rejected: there is no topic (unknown_topic)"),
    ("event", "ada", "Joined (plan: b)"),
    ("consent", "ada", "Topic Subscribed (topic: news)"),
    ("segment", "ada", "entered the segment vips (by event)"),
    ("group", "ada", "joined the group vip"),
    ("change", "ada", "plan was changed from a to b"),
    ("change", "ada", "became known"),
)  # fmt: skip


@pytest.fixture
async def planted(pool: Pool, rows: Rows) -> None:
    """One thing of each kind, a minute after the other."""
    await activate(pool, JOURNEY)
    found = await rows(
        "insert into contact (id, external_id) values (gen_random_uuid(), 'ada'),"
        " (gen_random_uuid(), 'bob') returning external_id, id"
    )
    times = [START + n * timedelta(minutes=1) for n in range(21)]
    named = {"run": RUN, "message": MESSAGE, "job": JOB, "key": KEY, **dict(found)}
    async with pool.connection() as conn, conn.transaction():
        for each in PLANTED:
            await conn.execute(each.format(*times, **named).encode())


async def read(client: httpx.AsyncClient, limit: int = 500, **query: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {"limit": limit, **query, **({} if cursor is None else {"cursor": cursor})}
        answer = await client.get("/v1/log", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def said(items: list[dict[str, Any]]) -> list[tuple[str, str | None, str]]:
    return [(each["type"], each["contact"], each["summary"]) for each in items]


WITHIN: dict[str, Any] = {"from": START.isoformat(), "to": (START + timedelta(hours=1)).isoformat()}


@pytest.mark.usefixtures("planted")
async def test_everything_is_in_it_in_its_order_however_it_is_paged(
    operate: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await read(operate, **WITHIN)
    assert said(whole) == list(EXPECTED)
    assert {each["type"] for each in whole} == set(LOG_TYPES)
    assert len({each["id"] for each in whole}) == len(EXPECTED)
    for limit in (1, 2, 5, len(EXPECTED)):
        assert await read(operate, limit, **WITHIN) == whole
    # Without bounds, and where a page looks at three rows of each source at most.
    assert [each for each in await read(operate, 4) if each["at"] < "2026-11-02"] == whole
    monkeypatch.setattr(log, "DEPTH", 3)
    assert await read(operate, 2, **WITHIN) == whole
    opened = next(each for each in whole if each["id"] == "event.7")
    about = {name: opened[name] for name in ("journey", "version", "run", "step", "message")}
    assert about == {
        "journey": "welcome", "version": 1, "run": RUN, "step": "hello", "message": MESSAGE,
    }  # fmt: skip
    ended = next(each for each in whole if each["type"] == "visit")
    assert ended["at"] > ended["details"]["ended_at"]


@pytest.mark.usefixtures("planted")
async def test_each_filter_lets_through_what_is_of_it(
    operate: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "DEPTH", 3)

    async def types(**query: Any) -> list[str]:
        return [each["type"] for each in await read(operate, 2, **WITHIN, **query)]

    for name in LOG_TYPES:
        expected = [each[0] for each in EXPECTED if each[0] == name]
        assert await types(type=name) == expected, name
    assert await types(type="goal,change") == ["goal", "change", "change"]
    of_ada = [each[0] for each in EXPECTED if each[1] == "ada"]
    assert await types(contact="ada") == of_ada
    assert await types(contact="bob") == ["delivery"]
    assert await types(contact="ada", type="delivery") == ["delivery"]
    assert await types(journey="welcome") == [
        "fault", "job", "job", "action", "repair", "end", "goal", "visit", "delivery", "send",
        "entry",
    ]  # fmt: skip
    assert await types(journey="other") == ["refusal"]
    # Only sends and other steps that ended have a step and an outcome.
    assert await types(journey="welcome", step="hello") == ["send"]
    assert await types(step="hello", outcome="skipped") == []
    ends = {each["outcome"] for each in await read(operate, type="send,visit", **WITHIN)}
    assert sorted([kind for end in ends for kind in await types(outcome=end)]) == ["send", "visit"]
    assert await types(journey="welcome", contact="bob") == []
    for key in ("shop", KEY):
        assert await types(key=key) == ["job", "job", "action", "repair", "rejected"], key
    assert await types(key="other") == []
    half = {"from": (START + timedelta(minutes=3)).isoformat(),
            "to": (START + timedelta(minutes=12)).isoformat()}  # fmt: skip
    assert said(await read(operate, 2, **half)) == list(EXPECTED)[-12:-3]


@pytest.mark.usefixtures("planted")
async def test_its_borders(operate: httpx.AsyncClient, api_url: str, keys: Keys) -> None:
    assert (await operate.get("/v1/log", params={"contact": "eve"})).status_code == 404
    for wrong, status in (
        ("type=none", 422), ("type=goal,", 422), ("limit=0", 422), ("cursor=x", 400),
        ("cursor=1.2.3", 400), ("from=2026-01-01T00:00:00", 422), ("kind=x", 400),
    ):  # fmt: skip
        assert (await operate.get(f"/v1/log?{wrong}")).status_code == status, wrong
    reading = {"Authorization": f"Bearer {keys.read}"}
    assert (await operate.get("/v1/log", headers=reading)).status_code == 200
    ingest = {"Authorization": f"Bearer {keys.ingest}"}
    for path in ("log", "log/types", "log/stream", "events/dead"):
        answer = await operate.get(f"/v1/{path}", headers=ingest)
        assert answer.status_code == 403, path
    wrong_id = {"Last-Event-ID": "7"}
    assert (await operate.get("/v1/log/stream", headers=wrong_id)).status_code == 400


async def test_every_type_has_its_words_and_says_how_long_it_is_kept(
    operate: httpx.AsyncClient,
) -> None:
    items = (await operate.get("/v1/log/types")).json()["items"]
    assert [each["type"] for each in items] == list(LOG_TYPES) == list(TYPES)
    assert {each.kept for each in TYPES.values()} <= set(get_args(Kind))
    kept = {each["type"]: each["kept"] for each in items}
    assert (kept["event"], kept["rejected"], kept["refusal"]) == ("2y", "14d", "90d")
