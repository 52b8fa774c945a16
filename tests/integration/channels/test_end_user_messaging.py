"""SMS by AWS End User Messaging: what it is asked, and what its answers mean."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.sms.end_user_messaging.send import EndUserMessagingAdapter
from tests.integration.channels.http_server import HttpServer
from tests.integration.channels.providers import REGION, EndUserMessagingProvider, an_sms


@pytest.fixture
def service(http_server: HttpServer) -> EndUserMessagingProvider:
    return EndUserMessagingProvider(http_server)


@pytest.fixture
async def adapter(service: EndUserMessagingProvider) -> AsyncIterator[EndUserMessagingAdapter]:
    adapter = EndUserMessagingAdapter(
        region=REGION,
        endpoint_url=service.server.url,
        origination="pool-0a1b2c",
        configuration_set="events",
        protect_configuration="protect-1",
        country_parameters={"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"},
        max_price="0.25",
        time_to_live=3600,
    )
    yield adapter
    await adapter.close()


async def test_the_service_gets_all_that_was_set(
    adapter: EndUserMessagingAdapter, service: EndUserMessagingProvider
) -> None:
    tags = {"journey": "welcome", "step": " a code ", "empty": ""}
    sms = replace(an_sms(), to="+33 6 12 34 56 78", text="Prêt 🎉", tags=tags)
    receipt = await adapter.send(sms)
    assert receipt.provider_id
    assert receipt.facts == {"encoding": "UCS-2", "characters": 7, "parts": 1}
    assert service.service.taken == [
        {
            "DestinationPhoneNumber": "+33612345678",
            "OriginationIdentity": "pool-0a1b2c",
            "MessageBody": "Prêt 🎉",
            "MessageType": "PROMOTIONAL",
            "ConfigurationSetName": "events",
            "ProtectConfigurationId": "protect-1",
            "MaxPrice": "0.25",
            "TimeToLive": 3600,
            "Context": {
                "parcours-message": str(sms.message_id),
                "journey": "welcome",
                "step": "a code",
            },
        }
    ]


async def test_india_gets_its_registrations_and_a_transactional_text_its_type(
    adapter: EndUserMessagingAdapter, service: EndUserMessagingProvider
) -> None:
    await adapter.send(replace(an_sms(), to="+919812345678", transactional=True))
    [asked] = service.service.taken
    assert asked["DestinationCountryParameters"] == {
        "IN_ENTITY_ID": "1101",
        "IN_TEMPLATE_ID": "1107",
    }
    assert asked["MessageType"] == "TRANSACTIONAL"


async def test_an_account_without_settings_is_asked_for_its_own_defaults(
    service: EndUserMessagingProvider,
) -> None:
    adapter = EndUserMessagingAdapter(region=REGION, endpoint_url=service.server.url)
    await adapter.send(an_sms())
    await adapter.close()
    assert service.service.taken[0].keys() == {
        "DestinationPhoneNumber", "MessageBody", "MessageType", "Context",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error", "reason", "kind", "code"),
    [
        (400, "ThrottlingException", None, NotTaken, Code.THROTTLED),
        (400, "ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", NotTaken,
         Code.ACCOUNT),
        (400, "ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND", NotTaken, Code.ACCOUNT),
        (400, "ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", NotTaken,
         Code.ACCOUNT),
        (400, "ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", Refused,
         Code.ADDRESS_REFUSED),
        (400, "ResourceNotFoundException", None, NotTaken, Code.ACCOUNT),
        (400, "AccessDeniedException", "ACCOUNT_DISABLED", NotTaken, Code.CREDENTIALS),
        (403, "UnrecognizedClientException", None, NotTaken, Code.CREDENTIALS),
        (400, "ValidationException", "CANNOT_PARSE", Refused, Code.ADDRESS_INVALID),
        (400, "ValidationException", "PRICE_OVER_THRESHOLD", Refused, Code.MESSAGE_REFUSED),
        (400, "ValidationException", "OTHER", Refused, Code.MESSAGE_REFUSED),
        (400, "ValidationException", "SENDER_ID_NOT_REGISTERED", NotTaken, Code.ACCOUNT),
        (503, "ServiceUnavailable", None, NotTaken, Code.UNAVAILABLE),
        (500, "InternalServerException", None, Unclear, Code.PROVIDER_FAILED),
    ],
)  # fmt: skip
async def test_each_answer_has_one_meaning_and_none_is_retried(
    adapter: EndUserMessagingAdapter,
    service: EndUserMessagingProvider,
    status: int,
    error: str,
    reason: str | None,
    kind: type[NotSent],
    code: Code,
) -> None:
    service.fail(status, error, "no", reason)
    with pytest.raises(NotSent) as failed:
        await adapter.send(an_sms())
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert not (isinstance(failed.value, Refused) and failed.value.suppress)
    assert reason is None or reason in failed.value.detail
    assert len(service.server.requests) == 1


async def test_who_opted_out_is_never_written_to_again(
    adapter: EndUserMessagingAdapter, service: EndUserMessagingProvider
) -> None:
    service.refuse()
    with pytest.raises(Refused) as refused:
        await adapter.send(an_sms())
    assert refused.value.code == Code.OPTED_OUT
    assert refused.value.suppress


async def test_what_is_no_number_and_no_text_is_never_asked_for(
    adapter: EndUserMessagingAdapter, service: EndUserMessagingProvider
) -> None:
    for sms, code in [
        (replace(an_sms(), to="06 12 34 56 78"), Code.ADDRESS_INVALID),
        (replace(an_sms(), text=" \n"), Code.MESSAGE_INVALID),
        (replace(an_sms(), text="a" * 1601), Code.MESSAGE_INVALID),
    ]:
        with pytest.raises(Refused) as refused:
            await adapter.send(sms)
        assert refused.value.code == code
    assert service.server.requests == []
