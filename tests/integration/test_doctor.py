"""The doctor, on real servers: PostgreSQL, Temporal, a mail server, AWS by moto, and a resolver.

What moto lacks of SES is answered by `tests.support.ses_account`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from doctor.examination import examine
from doctor.findings import clock_finding
from doctor.names import lookup_by
from pydantic import SecretStr

from infra.settings import Settings
from tests.integration.channels.smtp_server import running_smtp
from tests.support.api import serving
from tests.support.dns_server import Records, serving_names
from tests.support.forked import forked_output
from tests.support.ses_account import TOKENS, SesAccount, running_amazon

DOMAIN = "shop.example"
TYPES = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY"]


@dataclass
class Clinic:
    """An installation in which everything is well, and what a test spoils of it."""

    settings: Settings
    ses: SesAccount
    records: Records
    resolver: str

    async def findings(self, **changes: Any) -> dict[str, tuple[str, str]]:
        """Verdict and words by check; the last one of a check counts."""
        settings = self.settings.model_copy(update=changes)
        found = await examine(settings, lookup_by(self.resolver), dkim_selector="s1")
        return {each.check: (each.verdict, each.says) for each in found}


@pytest.fixture
async def clinic(
    settings: Settings, moto_endpoint: str, tmp_path: Path, temporal_client: Any
) -> AsyncIterator[Clinic]:
    queues = boto3.client("sqs", region_name="eu-west-1", endpoint_url=moto_endpoint)
    queue = queues.create_queue(
        QueueName="events", Attributes={"MessageRetentionPeriod": "1209600"}
    )["QueueUrl"]
    topics = boto3.client("sns", region_name="eu-west-1", endpoint_url=moto_endpoint)
    topic = topics.create_topic(Name="events")["TopicArn"]
    records: Records = {
        (DOMAIN, "TXT"): ['"google-site-verification=x"', '"v=spf1 include:amazonses.com ~all"'],
        (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:d@shop.example"'],
        ("in.shop.example", "MX"): ["10 inbound.shop.example."],
        (f"s1._domainkey.{DOMAIN}", "TXT"): ['"v=DKIM1; k=rsa; p=MIIB" "IjAN"'],
        **{
            (f"{token}._domainkey.{DOMAIN}", "CNAME"): [f"{token}.dkim.amazonses.com."]
            for token in TOKENS
        },
    }
    settings = settings.model_copy(
        update={
            "email": "ses",
            "from_address": f"Shop <hello@{DOMAIN}>",
            "aws_region": "eu-west-1",
            "ses_configuration_set": "main",
            "ses_queue_url": queue,
            "sns_topics": (topic,),
            "inbound_domain": "in.shop.example",
            "link_keys": (SecretStr("k" * 32),),
            "spool": tmp_path / "spool",
            "webhook_secret": SecretStr("w" * 32),
        }
    )
    async with running_amazon(moto_endpoint) as ses, serving_names(records) as resolver:
        ses.add_domain(DOMAIN)
        ses.publish("main", TYPES, topic)
        with serving(settings.model_copy(update={"public_url": "https://x.example"})) as url:
            changed = {"aws_endpoint_url": ses.url, "public_url": url}
            yield Clinic(settings.model_copy(update=changed), ses, records, resolver)


async def test_an_installation_in_which_all_is_well_has_no_failure(clinic: Clinic) -> None:
    found = await clinic.findings()
    verdicts = {check: verdict for check, (verdict, _) in found.items()}
    assert verdicts == {
        "settings": "ok",
        "PostgreSQL": "ok",
        "schema": "ok",
        "clock of PostgreSQL": "ok",
        "retention": "ok",
        "Temporal": "ok",
        "sender": "ok",
        "SES": "ok",
        "SES identity": "ok",
        "DKIM": "ok",
        "SES events": "ok",
        "SPF": "ok",
        "DMARC": "ok",
        "return address": "ok",
        "queue": "ok",
        "topic": "ok",
        "link keys": "ok",
        # It is reached on the loopback, without TLS.
        "public URL": "warn",
        "clock of the public URL": "ok",
        "webhook secret": "ok",
        "spool": "ok",
    }
    assert found["SES"][1] == "50000 messages a day, 14 a second in eu-west-1"


async def test_ses_in_another_state_says_what_to_do(clinic: Clinic) -> None:
    ses = clinic.ses
    ses.account["ProductionAccessEnabled"] = False
    ses.identities[DOMAIN]["VerifiedForSendingStatus"] = False
    ses.destinations["main"][0]["MatchingEventTypes"] = ["SEND", "DELIVERY"]
    del clinic.records[f"bbb._domainkey.{DOMAIN}", "CNAME"]
    found = await clinic.findings()
    assert found["SES"][0] == "fail"
    assert "sandbox" in found["SES"][1]
    assert found["SES identity"][0] == "fail"
    assert found["SES events"] == (
        "fail",
        "main does not publish BOUNCE, COMPLAINT, DELIVERY_DELAY, REJECT: add these",
    )
    assert found["DKIM"][0] == "fail"
    assert f"CNAME bbb._domainkey.{DOMAIN} → bbb.dkim.amazonses.com" in found["DKIM"][1]

    ses.account["SendingEnabled"] = False
    ses.identities[DOMAIN]["DkimAttributes"]["SigningEnabled"] = False
    ses.destinations["main"][0]["Enabled"] = False
    found = await clinic.findings()
    assert "paused" in found["SES"][1]
    assert "turn on Easy DKIM" in found["DKIM"][1]
    assert "publishes to no topic" in found["SES events"][1]

    ses.account.update(SendingEnabled=True, EnforcementStatus="PROBATION")
    found = await clinic.findings(
        ses_configuration_set=None, ses_queue_url="https://sqs.eu-west-1.amazonaws.com/1/none",
        sns_topics=("arn:aws:sns:eu-west-1:123456789012:none",),
    )  # fmt: skip
    assert "PROBATION" in found["SES"][1]
    assert {found[check][0] for check in ("SES events", "queue", "topic")} == {"fail"}


async def test_names_say_which_record_is_wrong(clinic: Clinic) -> None:
    dmarc = f"_dmarc.{DOMAIN}"
    for name, kind, values, check, verdict, words in (
        (DOMAIN, "TXT", [], "SPF", "fail", "include:amazonses.com ~all"),
        (DOMAIN, "TXT", ['"v=spf1 ip4:192.0.2.1 -all"'], "SPF", "warn", "does not name SES"),
        (DOMAIN, "TXT", ['"v=spf1 ~all"', '"v=spf1 -all"'], "SPF", "fail", "2 SPF records"),
        (DOMAIN, "TXT", ['"v=spf1 +all"'], "SPF", "fail", "everybody"),
        (dmarc, "TXT", [], "DMARC", "fail", "v=DMARC1; p=none"),
        (dmarc, "TXT", ['"v=DMARC1; p=none"'], "DMARC", "warn", "p=quarantine"),
        (dmarc, "TXT", ['"v=DMARC1; rua=x"'], "DMARC", "fail", "no policy"),
        ("in.shop.example", "MX", [], "return address", "fail", "no MX record"),
    ):
        kept = clinic.records[name, kind]
        clinic.records[name, kind] = values
        found = await clinic.findings()
        clinic.records[name, kind] = kept
        assert found[check][0] == verdict, values
        assert words in found[check][1]


async def test_a_subdomain_takes_the_policy_of_its_domain(clinic: Clinic) -> None:
    clinic.records["news.shop.example", "TXT"] = ['"v=spf1 include:amazonses.com ~all"']
    found = await clinic.findings(from_address="hello@news.shop.example")
    assert found["DMARC"][0] == "ok"
    # SES knows the domain alone.
    assert found["SES identity"][0] == "fail"
    assert "create-email-identity" in found["SES identity"][1]


async def test_a_mail_server_is_asked_and_its_key_looked_up(clinic: Clinic) -> None:
    async with running_smtp() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        found = await clinic.findings(email="smtp", smtp_url=url)
    assert found["mail server"] == ("ok", f"127.0.0.1:{server.port} answers")
    assert found["DKIM"] == ("ok", f"s1._domainkey.{DOMAIN} has a key")
    away = await clinic.findings(email="smtp", smtp_url=url)
    assert away["mail server"][0] == "fail"
    del clinic.records[f"s1._domainkey.{DOMAIN}", "TXT"]
    assert (await clinic.findings(email="smtp", smtp_url=url))["DKIM"][0] == "fail"


async def test_servers_that_are_away_say_where(clinic: Clinic, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = await clinic.findings(
        database_url="postgresql://u:p@127.0.0.1:1/x",
        temporal={"TEMPORAL_ADDRESS": "127.0.0.1:1"},
        public_url="http://127.0.0.1:1",
        spool=blocked,
        webhook_secret=None,
        from_address=None,
    )
    failed = {check for check, (verdict, _) in found.items() if verdict == "fail"}
    assert {"PostgreSQL", "Temporal", "public URL", "spool"} <= failed
    assert found["webhook secret"][0] == found["sender"][0] == "warn"
    assert "u:p" not in str(found)
    assert (await clinic.findings(public_url=None, link_keys=()))["public URL"][0] == "warn"


async def test_a_window_longer_than_the_retention_and_an_old_schema_are_found(
    clinic: Clinic, settings: Settings
) -> None:
    async with await psycopg.AsyncConnection.connect(
        settings.database_url, autocommit=True
    ) as conn:
        segment = {"segment": "old", "if": {"event": "Bought", "within": "3y"}}
        await conn.execute(
            "insert into document (kind, key, document, source, sha256)"
            " values ('segment', 'old', %s, '', '')",
            (json.dumps(segment),),
        )
        found = await clinic.findings()
        assert found["retention"][0] == "fail"
        assert "`old`" in found["retention"][1]
        assert "PARCOURS_KEEP_EVENTS" in found["retention"][1]
        await conn.execute("update alembic_version set version_num = '0020'")
        found = await clinic.findings()
    assert found["schema"][0] == "fail"
    assert "parcours migrate" in found["schema"][1]


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(1.5, "ok"), (-2.5, "ok"), (-6, "warn"), (40, "fail")]
)
def test_clocks_may_differ_a_little(ahead: float, verdict: str) -> None:
    unsure = timedelta(seconds=1)
    assert clock_finding("c", "x", timedelta(seconds=ahead), unsure).verdict == verdict


async def test_the_command_prints_lines_or_json_and_fails_with_1(
    clinic: Clinic,
) -> None:
    settings = clinic.settings
    environment = {
        **settings.temporal,
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": settings.database_url,
        "PARCOURS_EMAIL": "smtp",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "PARCOURS_FROM": f"hello@{DOMAIN}",
    }

    async def run(*arguments: str, **more: str) -> tuple[int, str, str]:
        command = ["doctor", "--resolver", clinic.resolver, *arguments]
        return await forked_output(command, {**environment, **more})

    status, printed, _ = await run()
    assert status == 1
    assert any(line.startswith("fail  mail server") for line in printed.splitlines())
    async with running_smtp() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        status, printed, _ = await run("--json", "--dkim-selector", "s1", SMTP_URL=url)
    report = json.loads(printed)
    assert (status, report["ok"]) == (0, True)
    assert {"check": "DKIM", "verdict": "ok", "says": f"s1._domainkey.{DOMAIN} has a key"} in (
        report["items"]
    )
    status, _, words = await run(PARCOURS_EMAIL="pigeon")
    assert (status, "PARCOURS_EMAIL" in words) == (1, True)
