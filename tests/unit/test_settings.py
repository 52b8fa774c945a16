"""Settings: their names outside, their defaults, and what is refused in which words."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from infra.channel_settings import inbox_variables
from infra.settings import Settings, SettingsRefused, read_settings

DATABASE = "postgresql://parcours:secret@db.example.com:5432/parcours"


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE)


def test_the_database_alone_makes_settings() -> None:
    settings = read_settings()
    assert settings.database_url == DATABASE
    assert settings.email == "smtp"
    assert settings.sms == "sns"
    assert settings.contact_events_per_minute == 6000
    assert settings.speed == 1
    assert settings.dev_inbox is None
    assert settings.temporal_environment == {
        "TEMPORAL_ADDRESS": "127.0.0.1:7233",
        "TEMPORAL_NAMESPACE": "default",
    }


def test_every_name_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5000",
        "SMTP_URL": "smtps://u:p@mail.example.com:465",
        "PARCOURS_EMAIL": "ses",
        "PARCOURS_SMS": "inbox",
        "PARCOURS_FROM": "Shop <shop@example.com>",
        "PARCOURS_WEBHOOK_SECRET": "whsec",
        "PARCOURS_PUBLIC_URL": "https://links.example.com/mail/",
        "PARCOURS_LINK_KEYS": f"{'n' * 32}, {'o' * 40}",
        "PARCOURS_SITES": "shop.example.com, *.example.org,127.0.0.1:8080",
        "PARCOURS_CONSENT_ADDRESS": "keep",
        "PARCOURS_WEBHOOK_ALLOW": "10.1.0.0/16, fd00::/8",
        "PARCOURS_SECRET_CRM": "abc",
        "PARCOURS_SECRET_ERP_TOKEN": "def",
        "PARCOURS_SMTP_CONNECTIONS": "7",
        "PARCOURS_SES_CONFIGURATION_SET": "events",
        "PARCOURS_SES_FEEDBACK_ADDRESS": "bounces@example.com",
        "PARCOURS_SMS_FROM": "pool-0a1b2c",
        "PARCOURS_SMS_CONFIGURATION_SET": "texts",
        "PARCOURS_SMS_PROTECT_CONFIGURATION": "protect-1",
        "PARCOURS_SMS_COUNTRY_PARAMETERS": "IN_ENTITY_ID=1101, IN_TEMPLATE_ID=1107",
        "PARCOURS_SMS_MAX_PRICE": "0.25",
        "PARCOURS_SMS_TIME_TO_LIVE": "3600",
        "PARCOURS_ATTACHMENTS_FROM": "https://cdn.example.com/mail/, http://10.0.0.1:8080",
        "PARCOURS_CONTACT_EVENTS_PER_MINUTE": "60",
        "PARCOURS_HTTP_HEADER_SECONDS": "5",
        "PARCOURS_APPROVAL_ABOVE": "500",
        "PARCOURS_HTTP_BODY_SECONDS": "7.5",
        "PARCOURS_HTTP_UNFINISHED": "100",
        "PARCOURS_HTTP_BODY_MEMORY": "2097152",
        "PARCOURS_SPEED": "3600",
        "PARCOURS_DEV_INBOX": "/data/inbox.jsonl",
        "PARCOURS_DEV_SHOP_KEY": "pk_shop",
        "PARCOURS_DEV_CONSOLE_KEY": "pk_admin",
        "PARCOURS_DEV_TEMPORAL_UI": "http://127.0.0.1:8233",
        "PARCOURS_LOG": "console",
        "TEMPORAL_ADDRESS": "ns.tmprl.cloud:7233",
        "TEMPORAL_NAMESPACE": "ns",
        "TEMPORAL_API_KEY": "key",
        "TEMPORAL_TLS_SERVER_NAME": "name",
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.smtp_connections == 7
    assert settings.ses_configuration_set == "events"
    assert settings.ses_feedback_address == "bounces@example.com"
    assert settings.sms_from == "pool-0a1b2c"
    assert settings.sms_configuration_set == "texts"
    assert settings.sms_protect_configuration == "protect-1"
    assert settings.sms_country_parameters == {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"}
    assert (settings.sms_max_price, settings.sms_time_to_live) == ("0.25", 3600)
    assert settings.attachments_from == ("https://cdn.example.com/mail/", "http://10.0.0.1:8080")
    assert settings.aws_region == "eu-west-3"
    assert settings.aws_endpoint_url == "http://127.0.0.1:5000"
    assert settings.smtp_url == "smtps://u:p@mail.example.com:465"
    assert (settings.email, settings.sms, settings.log) == ("ses", "inbox", "console")
    assert settings.from_address == "Shop <shop@example.com>"
    assert (settings.http_header_seconds, settings.http_body_seconds) == (5, 7.5)
    assert (settings.http_unfinished, settings.http_body_memory) == (100, 2 * 1024 * 1024)
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.get_secret_value() == "whsec"
    assert settings.public_url == "https://links.example.com/mail"
    assert [key.get_secret_value() for key in settings.link_keys] == ["n" * 32, "o" * 40]
    assert settings.sites == ("shop.example.com", "*.example.org", "127.0.0.1:8080")
    assert settings.links is not None
    assert {"n" * 32, "o" * 40} <= set(settings.passwords)
    assert settings.consent_address == "keep"
    assert settings.webhook_allow == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    secrets = {name: secret.get_secret_value() for name, secret in settings.secrets.items()}
    assert secrets == {"CRM": "abc", "ERP_TOKEN": "def"}
    assert settings.contact_events_per_minute == 60
    assert settings.approval_above == 500
    assert settings.speed == 3600
    assert settings.dev_inbox == Path("/data/inbox.jsonl")
    assert settings.dev_shop_key is not None
    assert settings.dev_shop_key.get_secret_value() == "pk_shop"
    assert settings.dev_temporal_ui == "http://127.0.0.1:8233"
    assert settings.temporal_environment == {
        "TEMPORAL_ADDRESS": "ns.tmprl.cloud:7233",
        "TEMPORAL_NAMESPACE": "ns",
        "TEMPORAL_API_KEY": "key",
        "TEMPORAL_TLS_SERVER_NAME": "name",
    }


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("TEMPORAL_API_KEY", "")
    settings = read_settings()
    assert settings.aws_endpoint_url is None
    assert "TEMPORAL_API_KEY" not in settings.temporal_environment


def test_a_profile_is_not_overruled_by_our_default_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/etc/temporal.toml")
    assert read_settings().temporal_environment == {"TEMPORAL_CONFIG_FILE": "/etc/temporal.toml"}


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARCOURS_SECRET_CRM", "opensesame")
    monkeypatch.setenv("PARCOURS_WEBHOOK_SECRET", "opensesame")
    monkeypatch.setenv("TEMPORAL_API_KEY", "opensesame")
    monkeypatch.setenv("SMTP_URL", "smtp://user:opensesame@mail.example.com:587")
    printed = repr(read_settings())
    assert "opensesame" not in printed
    assert ":secret@" not in printed


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DATABASE_URL", "", "DATABASE_URL is not set"),
        (
            "DATABASE_URL",
            "mysql://db",
            "DATABASE_URL: must be a PostgreSQL URL: postgresql://user:password@host:5432/name",
        ),
        ("PARCOURS_EMAIL", "pigeon", "PARCOURS_EMAIL: Input should be 'smtp' or 'ses'"),
        ("SMTP_URL", "mail:25", "SMTP_URL: must be smtp://host:port or smtps://host:port"),
        (
            "PARCOURS_WEBHOOK_ALLOW",
            "10.0.0.0/8,everything",
            "PARCOURS_WEBHOOK_ALLOW: 'everything' does not appear to be an IPv4 or IPv6 network",
        ),
        ("PARCOURS_SPEED", "0", "PARCOURS_SPEED: Input should be greater than 0"),
        (
            "PARCOURS_SMS_COUNTRY_PARAMETERS",
            "US_ID=1",
            (
                "PARCOURS_SMS_COUNTRY_PARAMETERS: write NAME=VALUE with IN_ENTITY_ID or"
                " IN_TEMPLATE_ID, and a value of 1 to 64 characters without spaces"
            ),
        ),
        (
            "PARCOURS_ATTACHMENTS_FROM",
            "cdn.example.com",
            (
                "PARCOURS_ATTACHMENTS_FROM: cdn.example.com is no URL of a folder, such as"
                " https://cdn.example.com/mail/"
            ),
        ),
        (
            "PARCOURS_SMS",
            "inbox",
            "PARCOURS_SMS=inbox is for `parcours dev` alone; use sns or end-user-messaging",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsRefused) as refused:
        read_settings()
    assert str(refused.value) == line


def test_settings_are_also_made_by_field_names() -> None:
    settings = Settings(database_url="postgresql://here/db", from_address="a@example.com")
    assert settings.database_url == "postgresql://here/db"
    assert settings.from_address == "a@example.com"


def test_a_development_stack_keeps_what_is_not_sent_by_smtp_in_its_inbox() -> None:
    assert inbox_variables() == {"PARCOURS_SMS": "inbox"}


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"PARCOURS_PUBLIC_URL": "https://l.example"},
            "PARCOURS_PUBLIC_URL and PARCOURS_LINK_KEYS go together: set both",
        ),
        (
            {"PARCOURS_LINK_KEYS": "k" * 32},
            "PARCOURS_PUBLIC_URL and PARCOURS_LINK_KEYS go together: set both",
        ),
        (
            {"PARCOURS_PUBLIC_URL": "l.example", "PARCOURS_LINK_KEYS": "k" * 32},
            "PARCOURS_PUBLIC_URL: must be https://host, with a path or without",
        ),
        (
            {"PARCOURS_PUBLIC_URL": "https://l.example/?a=1", "PARCOURS_LINK_KEYS": "k" * 32},
            "PARCOURS_PUBLIC_URL: must be https://host, with a path or without",
        ),
        (
            {"PARCOURS_PUBLIC_URL": 'https://l.example/"a', "PARCOURS_LINK_KEYS": "k" * 32},
            "PARCOURS_PUBLIC_URL: must be a URL of at most 200 characters",
        ),
        (
            {"PARCOURS_PUBLIC_URL": "https://l.example", "PARCOURS_LINK_KEYS": f"{'k' * 32},short"},
            "PARCOURS_LINK_KEYS: a key has 32 to 256 characters",
        ),
        (
            {"PARCOURS_SITES": "shop.example"},
            "PARCOURS_SITES needs PARCOURS_LINK_KEYS, which sign visits",
        ),
        (
            {"PARCOURS_SITES": "shop.example,https://shop.example"},
            (
                "PARCOURS_SITES: 'https://shop.example' is no host such as shop.example,"
                " *.shop.example or 127.0.0.1:8080"
            ),
        ),
    ],
)
def test_links_need_a_public_url_and_long_keys(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], line: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsRefused) as refused:
        read_settings()
    assert str(refused.value) == line


INBOUND = {
    "PARCOURS_SES_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
    "PARCOURS_SNS_TOPICS": (
        "arn:aws:sns:eu-west-1:123456789012:a, arn:aws:sns:eu-west-1:123456789012:b"
    ),
    "PARCOURS_INBOUND_DOMAIN": "In.Example.com",
    "PARCOURS_INBOUND_SMTP": "0.0.0.0:2525",
    "PARCOURS_INBOUND_MAILDIR": "/var/mail/parcours",
    "PARCOURS_PUBLIC_URL": "https://links.example.com",
    "PARCOURS_LINK_KEYS": "k" * 32,
    "PARCOURS_SMS_STOP_TEXT": "Shop: no more messages.",
    "PARCOURS_SMS_HELP_TEXT": "Shop: help@example.com",
}


def test_what_comes_back_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().channels_with_replies == set()
    for name, value in INBOUND.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.ses_queue_url == INBOUND["PARCOURS_SES_QUEUE_URL"]
    assert settings.sns_topics == (
        "arn:aws:sns:eu-west-1:123456789012:a",
        "arn:aws:sns:eu-west-1:123456789012:b",
    )
    assert settings.inbound_domain == "in.example.com"
    assert settings.inbound_smtp == "0.0.0.0:2525"
    assert settings.inbound_maildir == Path("/var/mail/parcours")
    assert settings.sms_answers == {
        "stop": "Shop: no more messages.",
        "help": "Shop: help@example.com",
    }
    assert settings.channels_with_replies == {"email", "sms"}


@pytest.mark.parametrize(
    ("given", "replies"),
    [
        ({}, set()),
        (
            {
                "inbound_domain": "in.example.com",
                "ses_queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
            },
            {"email", "sms"},
        ),
        ({"inbound_domain": "in.example.com", "inbound_smtp": "127.0.0.1:25"}, {"email"}),
        ({"sns_topics": "arn:aws:sns:eu-west-1:123456789012:a"}, {"sms"}),
        ({"dev_inbox": Path("inbox")}, {"email", "sms"}),
    ],
)
def test_replies_come_in_where_something_brings_them(
    given: dict[str, object], replies: set[str]
) -> None:
    links = {"public_url": "https://links.example.com", "link_keys": "k" * 32}
    settings = Settings.model_validate({"database_url": DATABASE, **links, **given})
    assert settings.channels_with_replies == replies


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PARCOURS_SNS_TOPICS", "events", "is not the ARN of a topic of SNS"),
        ("PARCOURS_SES_QUEUE_URL", "events", "must be the URL of a queue"),
        ("PARCOURS_INBOUND_DOMAIN", "in example", "must be a domain"),
        ("PARCOURS_INBOUND_SMTP", "2525", "must be host:port"),
        ("PARCOURS_SMS_HELP_TEXT", "x" * 321, "320"),
    ],
)
def test_a_wrong_setting_of_what_comes_back_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    for each, good in INBOUND.items():
        monkeypatch.setenv(each, good)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsRefused, match=words) as refused:
        read_settings()
    assert name in str(refused.value)


def test_mail_needs_a_domain_and_a_domain_needs_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARCOURS_INBOUND_SMTP", "127.0.0.1:25")
    with pytest.raises(SettingsRefused, match="need PARCOURS_INBOUND_DOMAIN"):
        read_settings()
    monkeypatch.setenv("PARCOURS_INBOUND_DOMAIN", "in.example.com")
    with pytest.raises(SettingsRefused, match="needs PARCOURS_LINK_KEYS"):
        read_settings()
    monkeypatch.delenv("PARCOURS_INBOUND_SMTP")
    with pytest.raises(SettingsRefused, match="nothing brings mail to it"):
        read_settings()


def test_the_providers_that_documents_may_name_are_those_with_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_settings().providers_set_up == {"smtp", "sns"}
    monkeypatch.setenv("PARCOURS_EMAIL", "ses")
    assert read_settings().providers_set_up == {"ses", "sns"}
    monkeypatch.setenv("SMTP_URL", "smtp://mail.example.com")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    everything = {"smtp", "ses", "sns", "end-user-messaging"}
    assert read_settings().providers_set_up == everything
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("PARCOURS_DEV_INBOX", "/data/inbox.jsonl")
    assert read_settings().providers_set_up == everything


@pytest.mark.parametrize(("text", "taken"), [("0d", True), ("30d", True), ("2h", False)])
def test_contents_are_kept_for_days_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, text: str, taken: bool
) -> None:
    monkeypatch.setenv("PARCOURS_KEEP_CONTENT", text)
    if taken:
        assert read_settings().keep["content"] == text
    else:
        with pytest.raises(SettingsRefused, match="PARCOURS_KEEP_CONTENT: 2h is less than a day"):
            read_settings()


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("PARCOURS_BUILD", "2026-11-30.abc+1", "2026-11-30.abc+1"),
        ("PARCOURS_TEMPORAL_UI", " https://temporal.example/ui/ ", "https://temporal.example/ui"),
    ],
)
def test_what_operators_look_at_has_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, wanted: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/parcours")
    monkeypatch.setenv(name, given)
    assert getattr(read_settings(), name.removeprefix("PARCOURS_").lower()) == wanted


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("PARCOURS_BUILD", "it's 'mine'"),
        ("PARCOURS_BUILD", "b" * 65),
        ("PARCOURS_TEMPORAL_UI", "temporal.example"),
        ("PARCOURS_TEMPORAL_UI", "https://temporal.example/?query=x"),
    ],
)
def test_a_build_is_a_name_and_temporals_ui_an_address(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/parcours")
    monkeypatch.setenv(name, given)
    with pytest.raises(SettingsRefused, match=f"^{name}: "):
        read_settings()
