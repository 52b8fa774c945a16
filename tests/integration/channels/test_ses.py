"""E-mail by SES: what SES is asked, and what its answers mean."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_string
from email.policy import default

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from channels.adapter import Quota
from channels.email.ses.send import SesAdapter
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from tests.integration.channels.certificates import Tls
from tests.integration.channels.http_server import Exchange, running_http
from tests.integration.channels.providers import REGION, SesProvider, an_email
from tests.support.conditions import eventually


@pytest.fixture
async def adapter(ses: SesProvider) -> AsyncIterator[SesAdapter]:
    adapter = SesAdapter(region=REGION, endpoint_url=ses.server.url, configuration_set="events")
    yield adapter
    await adapter.close()


async def test_ses_gets_the_same_message_as_any_server(
    adapter: SesAdapter, ses: SesProvider
) -> None:
    email = an_email()
    receipt = await adapter.send(email)
    sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages[0]
    assert receipt.provider_id == sent.id
    message = message_from_string(sent.raw_data, policy=default)
    assert message["X-Parcours-Message"] == str(email.message_id)
    assert message["Subject"] == "Your cart"


async def test_ses_is_asked_for_one_recipient_with_tags_that_come_back(
    adapter: SesAdapter, ses: SesProvider
) -> None:
    email = replace(an_email(), tags={"journey": "welcome", "step": "héllo world", "empty": ""})
    await adapter.send(email)
    (request,) = ses.server.requests
    asked = json.loads(request.body)
    assert request.target == "/v2/email/outbound-emails"
    assert asked["Destination"] == {"ToAddresses": ["ann@example.com"]}
    assert asked["ConfigurationSetName"] == "events"
    assert asked["EmailTags"] == [
        {"Name": "parcours-message", "Value": str(email.message_id)},
        {"Name": "journey", "Value": "welcome"},
        {"Name": "step", "Value": "h_llo_world"},
    ]
    assert b"X-Parcours-Message" in base64.b64decode(asked["Content"]["Raw"]["Data"])


async def test_ses_groups_complaints_and_forwards_them_as_it_was_set(ses: SesProvider) -> None:
    adapter = SesAdapter(
        region=REGION, endpoint_url=ses.server.url, feedback_address="bounces@shop.example"
    )
    ses.say(200, b'{"MessageId": "m-1"}', Content_Type="application/json")
    email = replace(
        an_email(),
        feedback_id=("abandoned-cart", "offers", "reminder"),
        return_path="bounce+abc@mail.shop.example",
        list_unsubscribe="https://links.shop.example/u/x",
    )
    assert (await adapter.send(email)).provider_id == "m-1"
    await adapter.close()
    asked = json.loads(ses.server.requests[0].body)
    assert asked["FeedbackForwardingEmailAddress"] == "bounces@shop.example"
    assert {"Name": "ses:feedback-id-a", "Value": "abandoned-cart"} in asked["EmailTags"]
    assert {"Name": "ses:feedback-id-b", "Value": "offers"} in asked["EmailTags"]
    message = message_from_string(
        base64.b64decode(asked["Content"]["Raw"]["Data"]).decode(), policy=default
    )
    # SES writes this header itself, and signs both of the list.
    assert "Feedback-ID" not in message
    assert message["List-Unsubscribe"] == "<https://links.shop.example/u/x>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_sender_that_ses_does_not_know_is_refused(
    adapter: SesAdapter, ses: SesProvider
) -> None:
    with pytest.raises(Refused) as refused:
        await adapter.send(replace(an_email(), from_="hello@elsewhere.example"))
    assert refused.value.code == Code.MESSAGE_REFUSED
    assert not refused.value.suppress


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (429, "TooManyRequestsException", NotTaken, Code.THROTTLED),
        (400, "ThrottlingException", NotTaken, Code.THROTTLED),
        (400, "LimitExceededException", NotTaken, Code.THROTTLED),
        (400, "AccountSuspendedException", NotTaken, Code.ACCOUNT),
        (400, "SendingPausedException", NotTaken, Code.ACCOUNT),
        (400, "MailFromDomainNotVerifiedException", NotTaken, Code.ACCOUNT),
        (404, "NotFoundException", NotTaken, Code.ACCOUNT),
        (403, "UnrecognizedClientException", NotTaken, Code.CREDENTIALS),
        (403, "ExpiredTokenException", NotTaken, Code.CREDENTIALS),
        (400, "AccessDeniedException", NotTaken, Code.CREDENTIALS),
        (503, "ServiceUnavailableException", NotTaken, Code.UNAVAILABLE),
        (400, "MessageRejected", Refused, Code.MESSAGE_REFUSED),
        (400, "BadRequestException", Refused, Code.MESSAGE_REFUSED),
        (413, "RequestEntityTooLargeException", Refused, Code.MESSAGE_REFUSED),
        (500, "InternalServiceErrorException", Unclear, Code.PROVIDER_FAILED),
        (502, "BadGateway", Unclear, Code.PROVIDER_FAILED),
        (504, "GatewayTimeout", Unclear, Code.PROVIDER_FAILED),
    ],
)
async def test_each_answer_has_one_meaning_and_none_is_retried(
    adapter: SesAdapter,
    ses: SesProvider,
    status: int,
    error: str,
    kind: type[NotSent],
    code: Code,
) -> None:
    ses.fail(status, error, "no")
    with pytest.raises(NotSent) as failed:
        await adapter.send(an_email())
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert error in failed.value.detail
    assert len(ses.server.requests) == 1


@pytest.mark.parametrize(
    ("words", "after"),
    [("Maximum sending rate exceeded.", None), ("Daily message quota exceeded.", 900.0)],
)
async def test_a_used_up_quota_is_asked_about_later_than_a_rate(
    adapter: SesAdapter, ses: SesProvider, words: str, after: float | None
) -> None:
    ses.fail(429, "TooManyRequestsException", words)
    with pytest.raises(NotTaken) as failed:
        await adapter.send(an_email())
    assert (failed.value.code, failed.value.retry_after) == (Code.THROTTLED, after)


async def test_an_answer_that_is_no_answer_is_unclear(
    adapter: SesAdapter, ses: SesProvider
) -> None:
    ses.say(200, b"<html>", Content_Type="text/html")
    with pytest.raises(Unclear):
        await adapter.send(an_email())
    assert len(ses.server.requests) == 1


async def test_without_credentials_nothing_is_asked(
    ses: SesProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    adapter = SesAdapter(region=REGION, endpoint_url=ses.server.url)
    with pytest.raises(NotTaken) as failed:
        await adapter.send(an_email())
    assert failed.value.code == Code.CREDENTIALS
    assert ses.server.requests == []
    await adapter.close()


async def test_a_certificate_that_is_not_trusted_ends_it_before_the_message(
    tls: Tls, moto_endpoint: str
) -> None:
    async with running_http(tls.server) as server:
        adapter = SesAdapter(region=REGION, endpoint_url=f"https://localhost:{server.port}")
        with pytest.raises(NotTaken) as failed:
            await adapter.send(an_email())
        assert failed.value.code == Code.TLS_FAILED
        assert server.requests == []
        await adapter.close()


async def test_letters_outside_ascii_before_the_at_are_not_for_ses(
    adapter: SesAdapter, ses: SesProvider
) -> None:
    with pytest.raises(Refused) as refused:
        await adapter.send(replace(an_email(), to="zoë@example.com"))
    assert refused.value.code == Code.ADDRESS_INVALID
    assert ses.server.requests == []


async def test_a_call_that_no_thread_took_up_is_not_taken(ses: SesProvider) -> None:
    adapter = SesAdapter(region=REGION, endpoint_url=ses.server.url, timeout=1.0, threads=1)
    ses.hang()
    first = asyncio.create_task(adapter.send(an_email()))
    await eventually(lambda: len(ses.server.requests) == 1)
    second = asyncio.create_task(adapter.send(an_email()))
    with pytest.raises(Unclear):
        await first
    with pytest.raises(NotSent) as waited:
        await second
    # The one thread came free at the same moment as the time ran out: both are true then, and
    # both are right about what reached SES.
    if isinstance(waited.value, NotTaken):
        assert waited.value.code == Code.BUSY
        assert len(ses.server.requests) == 1
    await adapter.close()


# As documented for SES API v2, GetAccount; moto has no such call.
ACCOUNT = {
    "DedicatedIpAutoWarmupEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 217.0},
    "SendingEnabled": True,
}


@pytest.mark.parametrize(("most", "per_day"), [(50_000.0, 50_000), (-1.0, None)])
async def test_the_quota_is_that_of_the_account(most: float, per_day: int | None) -> None:
    quota = {**ACCOUNT["SendQuota"], "Max24HourSend": most}  # type: ignore[dict-item]

    async def account(exchange: Exchange) -> None:
        body = json.dumps({**ACCOUNT, "SendQuota": quota}).encode()
        await exchange.answer(200, body, Content_Type="application/json")

    async with running_http() as server:
        server.behaviour = account
        adapter = SesAdapter(region=REGION, endpoint_url=server.url)
        assert await adapter.quota() == Quota(14.0, per_day)
        [request] = server.requests
        assert (request.method, request.target) == ("GET", "/v2/email/account")
        await adapter.close()


async def test_an_account_that_may_not_be_read_has_no_quota() -> None:
    async def refused(exchange: Exchange) -> None:
        body = json.dumps({"message": "not authorized to perform: ses:GetAccount"}).encode()
        kind = "AccessDeniedException"
        await exchange.answer(403, body, Content_Type="application/json", X_Amzn_Errortype=kind)

    async with running_http() as server:
        server.behaviour = refused
        adapter = SesAdapter(region=REGION, endpoint_url=server.url)
        with pytest.raises(NotSent):
            await adapter.quota()
        await adapter.close()
