"""`parcours audit`, and the versions of documents, against a real API."""

from __future__ import annotations

import csv
import getpass
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.integration.cli.commands import (
    HELLO,
    NEWS,
    Api,
    Parcours,
    write,
)


@pytest.mark.usefixtures("applied")
def test_who_changed_a_journey_is_one_command(here: Path, api: Api, parcours: Parcours) -> None:
    second = write(here / "next.yaml", HELLO.replace("up_to: 30d", "up_to: 2d"))
    assert parcours("journey", "apply", "--yes", str(second)).exit_code == 0
    assert parcours("journey", "activate", "hello", "--version", "1").exit_code == 0
    shown = parcours("audit", "--journey", "hello")
    assert shown.exit_code == 0, shown.stderr
    newest, *_ = [line for line in shown.stdout.splitlines() if " hello" in line]
    assert "cli" in newest
    assert "activated journey hello: version 2 → 1, in flight pin" in newest
    items = json.loads(parcours("audit", "--journey", "hello", "--json").stdout)["items"]
    assert [(each["action"], each["via"]) for each in items] == [
        ("journey.activate", "cli"),
        ("journey.activate", "cli"),
        ("journey.save", "cli"),
        ("journey.activate", "cli"),
        ("journey.save", "cli"),
    ]
    assert items[0]["actor"] in newest
    # A call of the API that is not ours says so too.
    api.put("/v1/contacts/zoraya", {})
    [made] = json.loads(parcours("audit", "--action", "contact", "--json").stdout)["items"]
    assert (made["via"], made["action"]) == ("api", "contact.create")


@pytest.mark.usefixtures("applied")
def test_changes_are_filtered_by_time_key_and_subject(parcours: Parcours) -> None:
    def found(*options: str) -> list[str]:
        result = parcours("audit", "--json", *options)
        assert result.exit_code == 0, result.stderr
        return [each["subject"] for each in json.loads(result.stdout)["items"]]

    everything = found()
    assert {"journey:hello", "topic:news"} <= {*everything}
    assert found("--since", "1h") == everything
    assert found("--since", "1d", "--until", "2h") == []
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert found("--since", ahead) == []
    assert found("--until", ahead) == everything
    assert found("--subject", "topic:news") == ["topic:news"]
    assert found("--key", "max") == []
    rows = [*csv.DictReader(io.StringIO(parcours("audit", "--csv").stdout))]
    assert [row["subject"] for row in rows] == everything
    assert "no such change" in parcours("audit", "--key", "max").stdout
    for options, code in (
        (("--since", "soon"), 2),
        (("--action", "journey.fly"), 1),
        (("--csv", "--json"), 2),
    ):
        assert parcours("audit", *options).exit_code == code
    first = parcours("audit", "--limit", "1").stdout
    assert "There are more: --cursor " in first
    cursor = first.rsplit("--cursor ", 1)[1].strip()
    assert "saved" in parcours("audit", "--limit", "1", "--cursor", cursor).stdout


@pytest.mark.usefixtures("applied")
def test_commands_that_work_in_the_database_are_recorded(
    parcours: Parcours, settings: Settings
) -> None:
    made = parcours(
        "key", "create", "--scope", "read", "--name", "shop", DATABASE_URL=settings.database_url
    )
    assert made.exit_code == 0, made.stderr
    [item] = json.loads(parcours("audit", "--action", "key", "--json").stdout)["items"]
    assert (item["actor"], item["via"], item["key"]) == (getpass.getuser(), "command", None)
    assert item["after"] == {"name": "shop", "scope": "read", "may_change_addresses": True}
    assert made.stdout.strip() not in json.dumps(item)
    refused = parcours(
        "key", "create", "--scope", "read", "--expires", "soon", DATABASE_URL=settings.database_url
    )
    assert refused.exit_code == 1
    again = parcours("migrate", DATABASE_URL=settings.database_url)
    assert again.exit_code == 0, again.stderr
    # It was migrated once, before the test.
    for action, number in (("key", 1), ("database", 1)):
        items = json.loads(parcours("audit", "--action", action, "--json").stdout)["items"]
        assert len(items) == number
    assert items[0]["before"] is None
    assert items[0]["after"] == {"revision": items[0]["subject"].removeprefix("database:")}


@pytest.mark.usefixtures("applied")
def test_the_history_of_a_journey_shows_who_saved_and_activated_it(
    here: Path, parcours: Parcours
) -> None:
    second = write(here / "next.yaml", HELLO.replace("up_to: 30d", "up_to: 2d"))
    assert parcours("journey", "apply", "--yes", str(second)).exit_code == 0
    assert parcours("journey", "activate", "hello", "--version", "1").exit_code == 0
    items = json.loads(parcours("journey", "history", "hello", "--json").stdout)["items"]
    assert [len(each["live_times"]) for each in items] == [1, 2]
    shown = parcours("journey", "history", "hello").stdout
    assert shown.count(f" by {items[0]['saved_by']}") == 5
    assert "30d → 2d" in shown


@pytest.mark.usefixtures("applied")
def test_other_documents_have_a_history_and_a_way_back(
    here: Path, api: Api, parcours: Parcours
) -> None:
    write(here / "news.yaml", NEWS.replace("name: News", "name: Latest"))
    assert parcours("journey", "apply", "--yes", "news.yaml").exit_code == 0
    shown = parcours("document", "history", "topics", "news").stdout
    assert "name News → Latest" in shown
    compared = parcours("document", "diff", "topics", "news").stdout
    assert compared == "news: version 1 to version 2\n    name News → Latest\n"
    backwards = parcours("document", "diff", "topics", "news", "--before", "2", "--after", "1")
    assert "name Latest → News" in backwards.stdout
    back = parcours("document", "restore", "topics", "news", "--version", "1")
    assert back.stdout == "news is as in version 1 again: version 3\n"
    assert api.get("/v1/topics/news").json()["document"]["name"] == "News"
    segment = {"segment": "french", "if": {"attribute": "country", "is": "FR"}}
    api.put("/v1/segments/french", segment)
    items = json.loads(parcours("segment", "history", "french", "--json").stdout)["items"]
    assert [each["version"] for each in items] == [1]
    assert parcours("template", "restore", "none", "--version", "1").exit_code == 3
    assert parcours("document", "history", "ships", "a").exit_code == 2
