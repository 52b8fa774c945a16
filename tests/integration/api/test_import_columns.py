"""The columns of a file are read before it is imported, with guesses and examples."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Rows

PATH = "/v1/contacts/import/columns"
CSV = {"Content-Type": "text/csv"}


async def columns(client: httpx.AsyncClient, body: bytes, **options: Any) -> dict[str, Any]:
    if "map" in options:
        options["map"] = json.dumps(options["map"])
    answer = await client.post(PATH, content=body, params=options, headers=CSV)
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def goes(read: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {each["name"]: (each["target"], each["type"], each["how"]) for each in read["columns"]}


async def test_columns_are_guessed_and_chosen_and_nothing_is_saved(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    text = "User ID;E-Mail;Größe;Besuche\r\nu-1;ada@example.com;groß;3\r\nu-2;;klein;3\r\n"
    read = await columns(operate, text.encode("cp1252"), map={"Besuche": "visits:number"})
    assert (read["format"], read["encoding"], read["delimiter"]) == ("csv", "cp1252", ";")
    assert goes(read) == {
        "User ID": ("external_id", "text", "automatic"),
        "E-Mail": ("email", "text", "automatic"),
        "Größe": ("attributes.Größe", "text", "own_name"),
        "Besuche": ("attributes.visits", "number", "given"),
    }
    examples = {each["name"]: each["examples"] for each in read["columns"]}
    assert examples["E-Mail"] == ["ada@example.com"]
    assert examples["Besuche"] == ["3"]
    assert (read["problem"], read["preset_verified"]) == (None, True)
    assert {"external_id", "email", "groups"} <= {*read["targets"]}
    assert await rows("select count(*) from job") == [(0,)]
    assert await rows("select count(*) from job_file") == [(0,)]


async def test_a_file_that_names_no_contact_says_so_and_still_shows_its_columns(
    operate: httpx.AsyncClient,
) -> None:
    file = b"Email Address,MEMBER_RATING\nada@example.com,4\n"
    read = await columns(operate, file, preset="mailchimp")
    assert "no column is the external_id of the contacts (or import `by=email`)" in read["problem"]
    assert goes(read)["MEMBER_RATING"] == ("attributes.member_rating", "number", "preset")
    assert read["preset_verified"] is False
    read = await columns(operate, file, preset="mailchimp", by="email")
    assert read["problem"] is None


async def test_the_keys_of_json_lines_are_its_columns(operate: httpx.AsyncClient) -> None:
    lines = b'{"id": "u-1", "plan": "pro"}\n{"id": "u-2", "tags": ["a", "b"], "plan": null}\n'
    read = await columns(operate, lines)
    assert (read["format"], read["delimiter"]) == ("jsonl", None)
    assert [(each["name"], each["examples"]) for each in read["columns"]] == [
        ("id", ["u-1", "u-2"]),
        ("plan", ["pro"]),
        ("tags", ['["a","b"]']),
    ]
    assert goes(read)["id"][0] == "external_id"


async def test_the_last_line_of_a_beginning_shows_nothing(operate: httpx.AsyncClient) -> None:
    beginning = "id,name\nu-1,Ada\nu-2,Gö".encode()[:-1]
    read = await columns(operate, beginning, cut=True)
    assert [each["examples"] for each in read["columns"]] == [["u-1"], ["Ada"]]
    assert read["encoding"] == "utf-8"


@pytest.mark.parametrize(
    ("body", "options", "status", "words"),
    [
        (b"", {}, 422, "the file is empty"),
        (b"PK\x03\x04rest", {}, 422, "is a spreadsheet"),
        (b"id,a\n1,2\n", {"map": '{"b": "email"}'}, 422, "the file has no column"),
        (b"id,a\n1,2\n", {"map": '{"id": "email", "a": "email"}'}, 422, "two columns go to email"),
        (b"id\n" + b"1\n" * 600_000, {}, 413, "send at most the first 1,048,576 bytes"),
    ],
)
async def test_what_cannot_be_read_says_what_would_be_right(
    operate: httpx.AsyncClient, body: bytes, options: dict[str, str], status: int, words: str
) -> None:
    answer = await operate.post(PATH, content=body, params=options, headers=CSV)
    assert answer.status_code == status
    assert words in answer.json()["message"]


async def test_columns_are_read_by_those_who_may_import(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient
) -> None:
    assert (await ingest.post(PATH, content=b"id\n1\n", headers=CSV)).status_code == 403
    answer = await operate.post(PATH, content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")
