"""Validation: texts that are empty, templates and headers with which every message would fail."""

import pytest

from tests.unit.journeys.examples import SMALL, errors


def webhook(headers: str) -> list[str]:
    step = f"{{id: call, webhook: {{url: https://x.example, headers: {headers}}}}}"
    return [str(problem) for problem in errors(f"{SMALL}  - {step}\n")]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("{Host: y}", "a step can't set `Host`: it follows from the `url`"),
        ("{content-length: '5'}", "a step can't set `content-length`: it follows from the `body`"),
        ("{Transfer-Encoding: chunked}", "a step can't set `Transfer-Encoding`: it belongs to"),
        ("{Connection: close}", "a step can't set `Connection`: it belongs to the connection"),
        ("{Idempotency-Key: mine}", "the engine sets it to the id of the message"),
        ("{Parcours-Signature: mine}", "the engine signs every call with it"),
        ("{'Bad Header': y}", "`Bad Header` is no name of an HTTP header; write letters"),
        ("{'': y}", "`` is no name of an HTTP header"),
        ("{'Naïve': y}", "`Naïve` is no name of an HTTP header"),
        ('{X-A: "a\\nb"}', "the value of `X-A` has a line break, which no header can hold"),
        ('{X-A: "{{ contact.a }}\\r"}', "the value of `X-A` has a line break"),
        ("{X-A: é}", "the value of `X-A` has signs that are not ASCII"),
        ("{X-A: a, x-a: b}", "the header `x-a` is there twice"),
    ],
)
def test_headers_that_no_call_can_carry_are_errors(headers: str, expected: str) -> None:
    [problem] = webhook(headers)
    assert expected in str(problem)


@pytest.mark.parametrize(
    "headers",
    [
        "{Authorization: 'Bearer {{ secret.TOKEN }}', Content-Type: text/plain, X_a.b: '1'}",
        "{X-A: \"{{ contact.a\\n| default: 'é' }}\"}",
    ],
)
def test_other_headers_may_be_set(headers: str) -> None:
    assert webhook(headers) == []


@pytest.mark.parametrize(
    ("send", "part"),
    [
        ("email: {subject: '', text: Hi, transactional: true}", "subject"),
        ("email: {subject: Hi, text: '', transactional: true}", "text"),
        ("email: {subject: Hi, html: '  ', transactional: true}", "html"),
        ("sms: {text: '', transactional: true}", "text"),
    ],
)
def test_an_empty_text_of_a_message_is_an_error(send: str, part: str) -> None:
    [problem] = errors(SMALL + f"  - {{id: mail, {send}}}\n")
    assert f"`{part}` is empty, and a message without it is not sent" in str(problem)


def test_a_filter_without_its_argument_is_an_error() -> None:
    send = 'sms: {text: "{{ entry.at | date }}", transactional: true}'
    [problem] = errors(SMALL + f"  - {{id: mail, {send}}}\n")
    assert "the filter `date` needs the format of a date, such as '%d/%m/%Y'" in str(problem)


def test_now_and_today_are_variables() -> None:
    send = "sms: {text: \"{{ now | date: '%H' }} {{ today }}\", transactional: true}"
    assert errors(SMALL + f"  - {{id: mail, {send}}}\n") == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://x.example", "`ftp://x.example` is no address to call; begin with https://"),
        ("https:///x", "the address has no host; write for example https://api.example.com"),
        ("https://x .example/a", "`x .example` is no host to call"),
        ("https://x.example:70000/a", "`x.example:70000` is no host to call"),
        ("https://x.example:port/a", "`x.example:port` is no host to call"),
        ("https://x.example:0/{{ entry.a }}", "`x.example:0` is no host to call"),
        ("https://x..example/", "`x..example` is no host to call"),
        ("https://" + "x" * 64 + ".example/", ".example` is no host to call"),
        ("https://u:p@x.example/", "a webhook's address holds no user and password; send a header"),
    ],
)
def test_an_address_that_no_call_can_reach_is_an_error(url: str, expected: str) -> None:
    step = f'{{id: call, webhook: {{url: "{url}"}}}}'
    [problem] = errors(f"{SMALL}  - {step}\n")
    assert expected in str(problem)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example:8443/{{ entry.a }}?b=c d",
        "https://x.example.?a@b",
        "http://[::1]:80/x",
        "https://{{ secret.HOST }}/x",
        "{{ secret.URL }}",
        "HTTPS://x.example",
    ],
)
def test_other_addresses_are_taken(url: str) -> None:
    step = f'{{id: call, webhook: {{url: "{url}"}}}}'
    assert errors(f"{SMALL}  - {step}\n") == []
