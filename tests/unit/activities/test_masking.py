"""Secrets in what is stored of a send: found in every form that they take there."""

from urllib.parse import quote

import httpx
import pytest

from activities.sending.masking import SecretMask

SECRET = 'Tok/en+1 "é"'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        "Tok%2Fen%2B1+%22%C3%A9%22",
        'Tok/en+1 \\"\\u00e9\\"',
        'Tok/en+1 \\"é\\"',
        SECRET.lower(),
        quote(SECRET).upper(),
    ],
)
def test_a_secret_is_masked_in_every_form(form: str) -> None:
    mask = SecretMask([SECRET])
    assert mask.text(f"not {form}!") == "not ***!"


def test_a_secret_is_masked_in_the_url_that_it_is_a_part_of() -> None:
    mask = SecretMask(["S3cret.Value"])
    assert "s3cret" not in mask.text(str(httpx.URL("https://S3cret.Value/x"))).lower()


def test_a_part_of_a_secret_that_a_url_was_taken_apart_to_is_masked_in_texts() -> None:
    mask = SecretMask(["https://hooks.example/services/T0/B0/abcdef"])
    shown = mask.text("hooks.example has no address: write https://… /services/T0/B0/abcdef")
    assert shown == "*** has no address: write https://… /***/T0/B0/***"
    # Values are data that later steps read: only the secret itself is masked in them.
    assert mask.value(["hooks.example", "services"]) == ["hooks.example", "services"]


def test_values_are_masked_at_any_depth_and_names_too() -> None:
    mask = SecretMask(["s3cr3t"])
    value = {"a": ["x s3cr3t", {"s3cr3t": 1}], "n": 3, "t": True, "none": None}
    assert mask.value(value) == {"a": ["x ***", {"***": 1}], "n": 3, "t": True, "none": None}


def test_the_longest_secret_is_masked_whole() -> None:
    assert SecretMask(["pass", "password"]).text("the password") == "the ***"


@pytest.mark.parametrize("secrets", [[], [""], ["ab"], ["  \n"]])
def test_what_is_no_secret_leaves_texts_as_they_are(secrets: list[str]) -> None:
    assert SecretMask(secrets).text("about a lab") == "about a lab"
    assert SecretMask(secrets).value({"a": 1}) == {"a": 1}


def test_each_line_of_a_secret_of_several_is_masked() -> None:
    mask = SecretMask(["-----BEGIN-----\nabcdef\n"])
    assert mask.text("has abcdef") == "has ***"
