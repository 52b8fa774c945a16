"""What SMTP_URL says."""

import pytest

from channels.email.smtp.server import SmtpServer


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost", SmtpServer(host="localhost", port=25)),
        ("smtp://127.0.0.1:1025", SmtpServer(host="127.0.0.1", port=1025)),
        (
            "smtp://ann:p%40ss%2Fword@mail.example",
            SmtpServer(
                host="mail.example", port=587, user="ann", password="p@ss/word", starttls="require"
            ),
        ),
        (
            "smtp://ann:pw@localhost:2525",
            SmtpServer(host="localhost", port=2525, user="ann", password="pw"),
        ),
        (
            "smtp://ann:pw@[::1]",
            SmtpServer(host="::1", port=587, user="ann", password="pw"),
        ),
        (
            "smtps://ann:pw@mail.example",
            SmtpServer(
                host="mail.example",
                port=465,
                user="ann",
                password="pw",
                tls=True,
                starttls="require",
            ),
        ),
        (
            "smtp://ann:pw@mail.example?starttls=never",
            SmtpServer(host="mail.example", port=587, user="ann", password="pw", starttls="never"),
        ),
        (
            "smtp://mail.example:587?starttls=require",
            SmtpServer(host="mail.example", port=587, starttls="require"),
        ),
        (
            "smtp://mail.example?starttls=true",
            SmtpServer(host="mail.example", port=25, starttls="require"),
        ),
    ],
)
def test_a_url_is_read(url: str, expected: SmtpServer) -> None:
    assert SmtpServer.parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example:25",
        "http://mail.example",
        "smtp://",
        "smtp://ann:sesame@mail.example:port",
        "smtp://ann:sesame@mail.example/path",
        "smtp://ann:sesame@mail.example?tls=1",
        "smtp://ann:sesame@mail.example?starttls=perhaps",
    ],
)
def test_a_url_that_says_something_else_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL") as refused:
        SmtpServer.parse(url)
    assert "sesame" not in str(refused.value)
