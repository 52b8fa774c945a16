"""The commands about messages, against a real API."""

import json
from uuid import UUID, uuid4

import pytest

from store.messages.kept_contents import pack_content
from tests.integration.cli.commands import (
    Api,
    Parcours,
    Pool,
)


@pytest.fixture
async def message(parcours: Parcours, applied: None, api: Api, pool: Pool) -> str:
    """The id of a message that was sent, clicked, and is kept."""
    api.put("/v1/contacts/u", {})
    started = parcours("run", "start", "hello", "--contact", "u", "--json")
    run, message = UUID(json.loads(started.stdout)["id"]), uuid4()
    kept = {"to": "u@x.example", "subject": "Hi u", "text": "Dear u", "html": "<p>Dear u</p>",
            "feedback_id": ["hello", "news", "mail"]}  # fmt: skip
    async with pool.connection() as conn:
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " provider, address, clicked_at) select %s, id, 1, 'mail', contact_id, 'email', 'sent',"
            " '', 'smtp', 'u@x.example', '2026-01-02T03:04:05Z' from run where id = %s",
            (message, run),
        )
        await conn.execute(
            "insert into kept_content (message_id, content) values (%s, %s)",
            (message, pack_content(kept)),
        )
        await conn.execute(
            "insert into message_attempt values (%s, 'ses', 'throttled', 'released', 2, now(),"
            " now())",
            (message,),
        )
        await conn.execute(
            "insert into link_hit (id, message_id, kind, url, client, signs, judged_at, by) values"
            " (gen_random_uuid(), %s, 'click', 'https://x.example/', 'c', '{}', now(), 'human')",
            (message,),
        )
    return str(message)


def test_a_message_is_shown_by_the_beginning_of_its_id(parcours: Parcours, message: str) -> None:
    shown = parcours("message", "show", message[:9])
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["message", message] in lines
    assert ["state", "sent"] in lines
    assert ["clicked", "2026-01-02", "03:04:05"] in [line[:3] for line in lines]
    assert ["ses", "released", "throttled", "2"] in [line[:4] for line in lines]
    assert ["click", "https://x.example/", "1", "0", "0"] in lines
    assert ["subject", "Hi", "u"] in lines
    assert ["feedback_id", "hello,", "news,", "mail"] in lines
    assert "\nDear u\n" in shown.stdout
    assert "<p>" not in shown.stdout
    html = parcours("message", "show", message, "--html")
    assert html.stdout == "<p>Dear u</p>\n"
    exact = json.loads(parcours("message", "show", message, "--json").stdout)
    assert exact["kept"]["subject"] == "Hi u"


def test_messages_are_listed_by_what_they_are(parcours: Parcours, message: str) -> None:
    for more in ((), ("--status", "clicked", "--journey", "hello"), ("--step", "mail")):
        listed = json.loads(parcours("message", "list", "--contact", "u", "--json", *more).stdout)
        assert [each["id"] for each in listed["items"]] == [message]
    assert message in parcours("message", "list").stdout
    none = parcours("message", "list", "--channel", "sms", "--json")
    assert json.loads(none.stdout)["items"] == []
    for arguments, status, words in (
        (("show", "a/b"), 3, "'a/b' is no id of a message"),
        (("show", "00000000"), 3, "there is no message whose id begins with 00000000"),
        (("list", "--status", "lost"), 1, "status"),
    ):
        result = parcours("message", *arguments)
        assert (result.exit_code, words in result.stderr) == (status, True), result.output


async def test_a_message_that_is_not_kept_says_so(
    parcours: Parcours, message: str, pool: Pool
) -> None:
    async with pool.connection() as conn:
        await conn.execute("delete from kept_content")
    shown = parcours("message", "show", message)
    assert "What it said is not kept." in shown.stdout
    html = parcours("message", "show", message, "--html")
    assert (html.exit_code, "no HTML is kept" in html.stderr) == (3, True)
