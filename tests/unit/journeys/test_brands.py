"""Brand documents, and the texts of the pages in each language."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from journeys.checks.validation import check
from journeys.model.brands import Brand, BrandTexts
from journeys.model.form_values import MISTAKES
from journeys.model.page_texts import LANGUAGES, PLACES, page_texts, text_keys
from journeys.model.problems import Problem
from journeys.source.parsing import parse_all


def problems(text: str) -> list[Problem]:
    parsed, found = parse_all(text, "b.yaml")
    return found or check(parsed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_text_with_the_places_of_the_english_one(language: str) -> None:
    texts, english = page_texts(language), page_texts("en")
    assert set(texts) == set(english)
    for key, text in texts.items():
        places = set(re.findall(r"\{(\w+)\}", text))
        assert places == set(re.findall(r"\{(\w+)\}", english[key])) <= PLACES, key
        assert "'" not in text, f"{language}.{key}: a typographic apostrophe is ’"


def test_a_brand_reads_as_it_is_written() -> None:
    brand = Brand.model_validate(
        {"brand": "default", "name": "Acme", "colour": "#1F5F4A", "from": "Acme <hi@acme.test>"}
    )
    assert (brand.key, brand.colour, brand.from_) == ("default", "#1f5f4a", "Acme <hi@acme.test>")


@pytest.mark.parametrize(
    ("locale", "spoken"),
    [
        ("fr", "fr"), ("fr-CA", "fr"), ("fr_ca", "fr"), ("DE", "de"), ("nl", "en"), (None, "en"),
        ("de-CH", "de-CH"), ("de_ch", "de-CH"), ("de-AT", "de"),
    ],
)  # fmt: skip
def test_a_reader_gets_the_nearest_language(locale: str | None, spoken: str) -> None:
    brand = Brand.model_validate(
        {"brand": "b", "name": "B", "texts": {"de-ch": {"undo_button": "Zurück"}}}
    )
    texts = BrandTexts(brand, [locale])
    assert texts.locale == spoken
    own = "Zurück" if spoken == "de-CH" else page_texts(spoken[:2])["undo_button"]
    assert texts.text("undo_button") == own
    assert texts.text("preferences_save") == page_texts(spoken[:2])["preferences_save"]


def test_the_next_wanted_language_is_taken_where_the_first_is_unknown() -> None:
    assert BrandTexts(None, [None, "nl-NL", "es-MX"]).locale == "es"


def test_a_value_with_braces_is_not_filled_in_again() -> None:
    texts = BrandTexts(None, [])
    assert "{address}" in texts.text("confirm_question", topic="{address}", brand="B", address="a")


@pytest.mark.parametrize(
    "logo",
    [
        "http://acme.test/logo.png", "javascript:alert(1)", "https://acme.test/l.png; script-src *",
        'https://acme.test/"onerror="', "https://acme.test/a b", "https://acme.test/\n",
        "//acme.test/logo.png", "https://a.test,b.test/l.png", "https://acme.test'/x", "data:,",
    ],
)  # fmt: skip
def test_a_logo_that_a_header_could_read_otherwise_is_refused(logo: str) -> None:
    with pytest.raises(ValidationError):
        Brand.model_validate({"brand": "b", "name": "B", "logo": logo})


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", "#fff;}", "url(x)", "#FFF "])
def test_only_a_colour_is_a_colour(colour: str) -> None:
    with pytest.raises(ValidationError):
        Brand.model_validate({"brand": "b", "name": "B", "colour": colour})


def test_mistakes_in_a_brand_are_found_with_their_lines() -> None:
    found = problems("""\
brand: default
name: Acme
texts:
  fr:
    undo_buton: Zut
""")
    [problem] = found
    assert (problem.line, "did you mean `undo_button`?" in problem.message) == (5, True)
    [problem] = problems("brand: b\nname: B\nfrom: nowhere\n")
    assert (problem.code, problem.line) == ("address", 3)
    [problem] = problems("brand: b\nname: B\ntexts: {en: {undo_button: 'Hi {name}'}}\n")
    assert "`{name}` is not known here" in problem.message
    [problem] = problems("topic: t\ndefault: opt_in\nbrand: nowhere\n")
    assert (problem.code, problem.line) == ("unknown_brand", 3)


def test_a_language_that_is_not_built_in_needs_every_text() -> None:
    [problem] = problems("brand: b\nname: B\ntexts: {nl: {undo_button: Terug}}\n")
    assert "`nl` is not built in, so it needs every text" in problem.message
    whole = dict.fromkeys(text_keys(), "Tekst")
    brand = Brand.model_validate({"brand": "b", "name": "B", "texts": {"nl": whole}})
    assert BrandTexts(brand, ["nl-BE"]).text("wrong_title") == "Tekst"


def test_no_text_is_left_that_no_page_says() -> None:
    pages = Path(__file__).parents[3] / "api" / "public"
    files = [*pages.glob("page*.py"), *pages.glob("hosted_form*.py")]
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    channels = {"email", "sms"}
    kinds = {"wrong", "expired", "invalid", "busy", "topic", "channel"} | channels
    assert '"form_unknown"' in code
    kinds |= {"unknown", *(f"error_{mistake}" for mistake in MISTAKES)}
    for key in text_keys():
        first, _, rest = key.partition("_")
        named = f'"{key}"' in code or f"'{key}'" in code
        # Some keys are put together: `unsubscribe_{channel}_button`, `{kind}_title`.
        made = first in kinds or rest in kinds or any(part in kinds for part in rest.split("_"))
        assert named or made, key
