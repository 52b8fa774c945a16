"""The sink that a development stack has for SMS."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels.errors import Code, Refused, Unclear
from channels.sms.inbox.send import InboxAdapter
from tests.integration.channels.providers import an_email, an_sms


async def test_an_sms_is_written_down_as_the_inbox_shows_it(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox.jsonl"

    def append(entry: dict[str, Any]) -> None:
        with inbox.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    adapter = InboxAdapter(append)
    before = datetime.now(UTC)
    sms = an_sms()
    receipt = await adapter.send(sms)
    await adapter.close()
    (entry,) = map(json.loads, inbox.read_text().splitlines())
    assert before <= datetime.fromisoformat(entry.pop("received_at")) <= datetime.now(UTC)
    assert entry == {
        "channel": "sms",
        "to": "+33612345678",
        "from": None,
        "subject": None,
        "text": "Your table is ready",
        "html": None,
        "headers": {"X-Parcours-Message": str(sms.message_id)},
    }
    assert receipt.facts == {"encoding": "GSM-7", "characters": 19, "parts": 1}


async def test_an_inbox_that_cannot_be_written_is_unclear(tmp_path: Path) -> None:
    def append(entry: dict[str, Any]) -> None:
        (tmp_path / "missing" / "inbox.jsonl").write_text("")

    with pytest.raises(Unclear) as failed:
        await InboxAdapter(append).send(an_sms())
    assert failed.value.code == Code.PROVIDER_FAILED


async def test_an_inbox_that_takes_too_long_is_unclear() -> None:
    released = threading.Event()

    def append(entry: dict[str, Any]) -> None:
        released.wait(30)

    with pytest.raises(Unclear) as failed:
        await InboxAdapter(append, timeout=0.1).send(an_sms())
    released.set()
    assert failed.value.code == Code.NO_ANSWER


async def test_only_sms_to_a_number_are_taken() -> None:
    taken: list[dict[str, Any]] = []
    adapter = InboxAdapter(taken.append)
    with pytest.raises(Refused) as refused:
        await adapter.send(replace(an_sms(), to="0612"))
    assert refused.value.code == Code.ADDRESS_INVALID
    with pytest.raises(TypeError, match="sends Sms, not Email"):
        await adapter.send(an_email())
    assert taken == []
