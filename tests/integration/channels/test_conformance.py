"""What every adapter promises, asked of each against a real server."""

import asyncio
import traceback
from collections.abc import AsyncIterator

import pytest

from channels.adapter import Adapter, Call, Email, Outgoing, Sms
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.registry import PROVIDERS
from tests.integration.channels.providers import RUNNING, Provider, closed_port
from tests.support.conditions import eventually


@pytest.fixture
async def adapter(provider: Provider) -> AsyncIterator[Adapter]:
    adapter = provider.adapter()
    yield adapter
    await adapter.close()


def assert_shows_its_code_only(error: NotSent, provider: Provider) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert provider.recipient not in shown
    assert str(error) == error.code.value
    # A cause would travel with the error into a workflow's history.
    assert error.__cause__ is None


def test_every_provider_is_asked() -> None:
    names = {name for providers in PROVIDERS.values() for name in providers}
    # The inbox takes text messages in development alone, by a call and not by a network.
    assert set(RUNNING) == names - {"inbox"}


async def test_an_accepted_message_reaches_its_provider_once(
    provider: Provider, adapter: Adapter
) -> None:
    receipt = await adapter.send(provider.outgoing())
    assert provider.taken() == 1
    assert receipt.provider_id or receipt.facts


async def test_many_messages_go_at_once_and_each_once(provider: Provider, adapter: Adapter) -> None:
    receipts = await asyncio.gather(*(adapter.send(provider.outgoing()) for _ in range(40)))
    assert provider.taken() == len(receipts) == 40


async def test_messages_in_a_row_each_arrive(provider: Provider, adapter: Adapter) -> None:
    for sent in range(1, 6):
        await adapter.send(provider.outgoing())
        assert provider.taken() == sent


async def test_a_refusal_is_final_and_tells_its_code_only(
    provider: Provider, adapter: Adapter
) -> None:
    provider.refuse()
    with pytest.raises(Refused) as refused:
        await adapter.send(provider.outgoing())
    assert_shows_its_code_only(refused.value, provider)
    assert refused.value.detail
    provider.accept()
    await adapter.send(provider.outgoing())
    assert provider.taken() >= 1


async def test_a_deferral_is_not_taken(provider: Provider, adapter: Adapter) -> None:
    provider.defer()
    with pytest.raises(NotTaken) as deferred:
        await adapter.send(provider.outgoing())
    assert_shows_its_code_only(deferred.value, provider)
    provider.accept()
    await adapter.send(provider.outgoing())


async def test_a_message_to_a_closed_port_is_not_taken(provider: Provider) -> None:
    adapter = provider.adapter(port=closed_port())
    with pytest.raises(NotTaken) as unreachable:
        await adapter.send(provider.outgoing())
    assert unreachable.value.code == Code.UNREACHABLE
    assert_shows_its_code_only(unreachable.value, provider)
    await adapter.close()


async def test_a_connection_lost_after_the_message_is_unclear_and_never_retried(
    provider: Provider, adapter: Adapter
) -> None:
    provider.drop()
    with pytest.raises(Unclear) as lost:
        await adapter.send(provider.outgoing())
    assert_shows_its_code_only(lost.value, provider)
    assert provider.taken() == 1
    provider.accept()
    await adapter.send(provider.outgoing())
    assert provider.taken() == 2


async def test_silence_after_the_message_is_unclear_once_the_time_is_up(
    provider: Provider,
) -> None:
    adapter = provider.adapter(timeout=1.0)
    provider.hang()
    started = asyncio.get_running_loop().time()
    with pytest.raises(Unclear) as silent:
        await adapter.send(provider.outgoing())
    assert asyncio.get_running_loop().time() - started < 5.0
    assert silent.value.code == Code.NO_ANSWER
    assert_shows_its_code_only(silent.value, provider)
    assert provider.taken() == 1
    await adapter.close()


async def test_a_cancelled_send_is_cancelled_and_spoils_no_other(
    provider: Provider, adapter: Adapter
) -> None:
    provider.hang()
    sending = asyncio.create_task(adapter.send(provider.outgoing()))
    await eventually(lambda: provider.taken() == 1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    provider.accept()
    await adapter.send(provider.outgoing())
    assert provider.taken() == 2


async def test_a_message_of_another_channel_is_an_error_of_the_program(
    provider: Provider, adapter: Adapter
) -> None:
    message = provider.outgoing()
    other: Outgoing
    if isinstance(message, Email):
        other = Sms(message_id=message.message_id, to="+33612345678", text="x")
    else:
        other = Email(message_id=message.message_id, to="a@b.example", from_="", subject="")
    with pytest.raises(TypeError, match="this adapter sends"):
        await adapter.send(other)
    assert provider.taken() == 0


async def test_an_adapter_may_be_closed_twice(provider: Provider) -> None:
    adapter = provider.adapter()
    await adapter.send(provider.outgoing())
    await adapter.close()
    await adapter.close()


async def test_an_adapter_knows_its_channel_and_stays_within_the_engines_time(
    provider: Provider, adapter: Adapter
) -> None:
    channels = {Email: "email", Sms: "sms", Call: "webhook"}
    assert adapter.channel == channels[type(provider.outgoing())]
    assert adapter.timeout < 30
