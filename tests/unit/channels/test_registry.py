"""Which adapters the settings make."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args
from uuid import uuid4

import pytest
from pydantic import SecretStr

from channels.adapter import Call, Email, Sms
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.errors import Code, NotTaken
from channels.registry import PROVIDERS, build
from channels.sms.end_user_messaging.send import EndUserMessagingAdapter
from channels.sms.inbox.send import InboxAdapter
from channels.sms.sns.send import SnsAdapter
from infra.settings import Settings
from journeys.protocol.channels import CHANNELS, EmailProvider, SmsProvider


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The settings that providers read, all of them absent unless a test says otherwise."""

    email: EmailProvider
    sms: SmsProvider = "sns"
    smtp_url: str | None = None
    aws_region: str | None = None
    aws_endpoint_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_allow: Sequence[str] = ()
    slots_sends: int = 100
    providers_set_up: Collection[str] = ()
    smtp_connections: int = 20
    ses_configuration_set: str | None = None
    ses_feedback_address: str | None = None
    sms_from: str | None = None
    sms_configuration_set: str | None = None
    sms_protect_configuration: str | None = None
    sms_country_parameters: Mapping[str, str] = field(default_factory=dict)
    sms_max_price: str | None = None
    sms_time_to_live: int | None = None


SECRET = SecretStr("s")


def test_every_channel_has_a_provider() -> None:
    assert PROVIDERS.keys() == CHANNELS.keys()


def test_the_settings_offer_every_provider() -> None:
    for channel, providers in PROVIDERS.items():
        if len(providers) > 1:
            assert set(get_args(Settings.model_fields[channel].annotation)) == providers.keys()


def test_every_channel_has_an_adapter_that_knows_its_channel() -> None:
    adapters = build(
        Chosen(
            email="ses",
            aws_region="eu-west-1",
            webhook_secret=SECRET,
            webhook_allow=["10.0.0.0/8"],
        )
    )
    assert {name: adapter.channel for name, adapter in adapters.by_channel.items()} == {
        "email": "email",
        "sms": "sms",
        "webhook": "webhook",
    }
    assert isinstance(adapters.by_channel["email"], SesAdapter)
    assert isinstance(adapters.by_channel["sms"], SnsAdapter)
    assert all(adapter.timeout < 30 for adapter in adapters.all())


def test_text_messages_go_by_the_provider_and_the_sender_of_the_settings() -> None:
    chosen = Chosen(
        email="ses", aws_region="eu-west-1", sms="end-user-messaging", sms_from="pool-0a1b2c"
    )
    assert isinstance(build(chosen).by_channel["sms"], EndUserMessagingAdapter)
    with pytest.raises(ValueError, match="PARCOURS_SMS_FROM"):
        build(replace(chosen, sms="sns"))
    for sender in ("+15550100000", "SHOP", "1Shop"):
        assert isinstance(
            build(replace(chosen, sms="sns", sms_from=sender)).by_channel["sms"], SnsAdapter
        )


async def test_a_provider_that_a_document_may_name_is_made_where_its_settings_are() -> None:
    url = "smtp://localhost:1025"
    adapters = build(
        Chosen(email="smtp", smtp_url=url, aws_region="eu-west-1", providers_set_up={"ses"})
    )
    assert isinstance(adapters.by_provider["ses"], SesAdapter)
    assert adapters.by_provider["smtp"] is adapters.by_channel["email"]
    alone = build(Chosen(email="smtp", smtp_url=url))
    email = Email(message_id=uuid4(), to="a@b.example", from_="c@d.example", subject="")
    with pytest.raises(NotTaken, match="account"):
        await alone.by_provider["ses"].send(email)
    assert len(alone.all()) == len(set(map(id, alone.all())))


def test_a_development_stack_keeps_its_sms() -> None:
    adapters = build(
        Chosen(email="smtp", sms="inbox", smtp_url="smtp://localhost:1025", webhook_secret=SECRET),
        inbox=lambda _: None,
    )
    assert isinstance(adapters.by_channel["email"], SmtpAdapter)
    assert isinstance(adapters.by_channel["sms"], InboxAdapter)
    assert adapters.by_provider.keys() == {"smtp", "ses", "sns", "end-user-messaging"}
    assert {type(adapters.by_provider[name]) for name in ("smtp", "ses")} == {SmtpAdapter}
    assert {type(adapters.by_provider[name]) for name in ("sns", "end-user-messaging")} == {
        InboxAdapter
    }


async def test_a_channel_that_is_not_set_up_takes_nothing_and_names_the_setting() -> None:
    adapters = build(Chosen(email="smtp", smtp_url="smtp://localhost:1025"))
    with pytest.raises(NotTaken) as unsigned:
        await adapters.by_channel["webhook"].send(
            Call(message_id=uuid4(), url="https://crm.example/")
        )
    assert unsigned.value.code == Code.ACCOUNT
    assert "PARCOURS_WEBHOOK_SECRET" in unsigned.value.detail
    with pytest.raises(NotTaken) as no_region:
        await adapters.by_channel["sms"].send(
            Sms(message_id=uuid4(), to="+33612345678", text="hello")
        )
    assert "AWS_REGION" in no_region.value.detail


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"email": "smtp"}, "SMTP_URL"),
        ({"email": "smtp", "smtp_url": "localhost"}, "SMTP_URL"),
        ({"email": "ses"}, "AWS_REGION"),
        (
            {
                "email": "ses",
                "aws_region": "x",
                "webhook_secret": SECRET,
                "webhook_allow": ["home"],
            },
            "PARCOURS_WEBHOOK_ALLOW",
        ),
    ],
)
def test_a_missing_or_wrong_setting_is_named(wrong: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        build(Chosen(**wrong))
