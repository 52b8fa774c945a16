"""Forms: what a document may say, what a visitor may fill in, and in which language."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check
from journeys.links.form_stamps import FormStamp, read_stamp
from journeys.links.tokens import LinkKeys
from journeys.model.form_values import MISTAKES, judge_form
from journeys.model.forms import Form
from journeys.model.page_texts import LANGUAGES, page_texts
from journeys.source.parsing import parse_documents

EMAIL: dict[str, Any] = {"name": "email", "label": "E-mail", "type": "email", "required": True}


def form(*fields: dict[str, Any], **more: Any) -> Form:
    return Form.model_validate({"form": "sign-up", "fields": [*fields], **more})


def judged(field: dict[str, Any], text: str) -> tuple[Any, str | None]:
    """The value of a field, and what is wrong with it."""
    name = field["name"]
    found = judge_form(form({"label": "L", **field}), {name: [text]})
    return found.values.get(name), found.mistakes.get(name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fields": []}, "at least 1 item"),
        ({"fields": [EMAIL, EMAIL]}, "the field `email` stands twice"),
        ({"fields": [{**EMAIL, "type": "text"}]}, "the field `email` is of the type email"),
        ({"fields": [{"name": "phone", "label": "P"}]}, "the field `phone` is of the type phone"),
        ({"fields": [{"name": "score", "label": "S"}]}, "a form cannot set `score`"),
        ({"fields": [{"name": "lifecycle", "label": "S"}]}, "a form cannot set `lifecycle`"),
        ({"fields": [{"name": "restricted", "label": "S"}]}, "a form cannot set `restricted`"),
        ({"fields": [{"name": "external_id", "label": "S"}]}, "a form cannot set `external_id`"),
        ({"fields": [{"name": "form", "label": "S"}]}, "a form cannot set `form`"),
        ({"fields": [{"name": "_website", "label": "S"}]}, "is not the name of a field"),
        ({"fields": [{"name": "a.b", "label": "S"}]}, "is not the name of a field"),
        ({"fields": [{"name": "c", "label": "C", "type": "choice"}]}, "a choice needs `options`"),
        ({"fields": [{"name": "c", "label": "C", "options": ["x"]}]}, "no other field has them"),
        (
            {"fields": [{"name": "c", "label": "C", "type": "choice", "options": ["x", "x"]}]},
            "an option stands twice",
        ),
        ({"fields": [{"name": "d", "label": "D", "type": "date", "lines": 3}]}, "type text"),
        ({"topic": "news", "fields": [{**EMAIL, "required": False}]}, "a `topic` needs an address"),
        ({"fields": [EMAIL], "consent": "Yes"}, "a consent is to a `topic`"),
        ({"fields": [EMAIL], "consent_box": "required"}, "a consent is to a `topic`"),
        ({"fields": [EMAIL], "frames": ["https://a.test/x"]}, "is not an origin"),
        ({"fields": [EMAIL], "frames": ["*"]}, "is not an origin"),
        ({"fields": [EMAIL], "frames": ["https://a.test; script-src *"]}, "is not an origin"),
        ({"fields": [EMAIL], "thanks": {"url": "javascript:alert(1)"}}, "not the address of a"),
        ({"fields": [EMAIL], "thanks": {"url": "https://a.test/\r\nX: y"}}, "not the address of a"),
        ({"fields": [EMAIL], "thanks": {}}, "either `text` or `url`"),
        (
            {"fields": [EMAIL], "locales": {"fr": {"fields": {"emial": {"label": "x"}}}}},
            "there is no field `emial`; did you mean `email`?",
        ),
    ],
)
def test_a_form_that_cannot_be_right_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate({"form": "sign-up", **change})
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("field", "text", "value", "mistake"),
    [
        (EMAIL, " Ada@Example.COM ", "Ada@example.com", None),
        (EMAIL, "ada", None, "email"),
        (EMAIL, "", None, "required"),
        ({**EMAIL, "required": False}, "  ", None, None),
        ({"name": "phone", "type": "phone"}, "+33 6 12 34 56 78", "+33612345678", None),
        ({"name": "phone", "type": "phone"}, "0612345678", None, "phone"),
        ({"name": "born", "type": "date"}, "2024-02-29", "2024-02-29", None),
        ({"name": "born", "type": "date"}, "2023-02-29", None, "date"),
        ({"name": "born", "type": "date"}, "29.02.2024", None, "date"),
        ({"name": "size", "type": "choice", "options": ["S", "M"]}, "M", "M", None),
        ({"name": "size", "type": "choice", "options": ["S", "M"]}, "XL", None, "choice"),
        ({"name": "gift", "type": "checkbox"}, "on", True, None),
        ({"name": "gift", "type": "checkbox"}, "", False, None),
        ({"name": "gift", "type": "checkbox", "required": True}, "", None, "tick"),
        ({"name": "first_name"}, "Ada", "Ada", None),
        ({"name": "first_name"}, "x" * 501, None, "long"),
        ({"name": "first_name"}, "a\nb", None, "value"),
        ({"name": "first_name"}, "a\0b", None, "value"),
        ({"name": "first_name"}, "a\ud800", None, "value"),
        ({"name": "first_name"}, "Win https://spam.test", None, "links"),
        ({"name": "first_name"}, "Win www.spam.test", None, "links"),
        ({"name": "site", "links": True}, "https://a.test", "https://a.test", None),
        ({"name": "words", "lines": 4}, "a\r\nb", "a\nb", None),
        ({"name": "words", "lines": 4}, "x" * 5_001, None, "long"),
        ({"name": "country", "type": "text"}, "fr", "FR", None),
        ({"name": "country", "type": "text"}, "Utopia", None, "value"),
        ({"name": "timezone", "type": "text"}, "Mars/Phobos", None, "value"),
    ],
)
def test_a_field_takes_what_the_contact_may_have(
    field: dict[str, Any], text: str, value: Any, mistake: str | None
) -> None:
    assert judged(field, text) == (value, mistake)


def test_what_no_field_asks_for_is_left_out() -> None:
    found = judge_form(form(EMAIL), {"email": ["a@b.co"], "score": ["9"], "other": ["x"]})
    assert (found.values, found.mistakes) == ({"email": "a@b.co"}, {})


@pytest.mark.parametrize(
    ("wanted", "locale", "title", "label"),
    [
        (["fr-CA", "en"], "fr", "Lettre", "Adresse"),
        (["de-CH"], "de-CH", "Briefli", "Adresse CH"),
        (["de-AT"], "de", "Brief", "Adresse DE"),
        (["es", "fr"], "fr", "Lettre", "Adresse"),
        (["en-GB"], "en", "Letter", "E-mail"),
        (["ja"], "en", "Letter", "E-mail"),
        (["%%", ""], "en", "Letter", "E-mail"),
        ([], "en", "Letter", "E-mail"),
    ],
)
def test_a_visitor_reads_the_nearest_language(
    wanted: list[str], locale: str, title: str, label: str
) -> None:
    spoken = form(
        EMAIL,
        title="Letter",
        button="Go",
        locales={
            "fr": {"title": "Lettre", "fields": {"email": {"label": "Adresse"}}},
            "de": {"title": "Brief", "fields": {"email": {"label": "Adresse DE"}}},
            "de_ch": {"title": "Briefli", "fields": {"email": {"label": "Adresse CH"}}},
        },
    )
    found = spoken.locale_for(wanted)
    assert found == locale
    assert spoken.words(found).title == title
    assert spoken.words(found).button == "Go"
    assert spoken.field_words(spoken.field("email"), found).label == label


def problems(text: str, known: KnownKeys | None = None) -> list[str]:
    documents = parse_documents(text, "f.yaml")
    assert documents.problems == []
    return [f"{problem.code} {problem.line}" for problem in check(documents.parsed, known)]


SIGN_UP = """\
form: sign-up
topic: news
fields:
  - {name: email, label: E-mail, type: email, required: true}
"""


def test_a_form_needs_a_topic_that_is_known_and_confirmed() -> None:
    double = "---\ntopic: news\ndefault: double\n"
    single = "---\ntopic: news\ndefault: opt_in\n"
    assert problems(SIGN_UP) == ["unknown_topic 2"]
    assert problems(SIGN_UP + double) == []
    # Said of the form, and of the topic: one of both is to be changed.
    assert problems(SIGN_UP + single) == ["form_topic 2", "form_topic 7"]
    server = KnownKeys(topics=frozenset({"news"}), topic_defaults={"news": "opt_out"})
    assert problems(SIGN_UP, server) == ["form_topic 2"]
    assert problems(SIGN_UP + double, server) == []
    used = KnownKeys(form_topics={"sign-up": "news"})
    assert problems("topic: news\ndefault: opt_in\n", used) == ["form_topic 2"]
    assert problems("topic: news\ndefault: double\n", used) == []
    assert problems("form: x\nbrand: other\nfields: [{name: a, label: A}]\n") == ["unknown_brand 2"]


def test_every_mistake_has_words_in_every_language() -> None:
    for language in LANGUAGES:
        texts = page_texts(language)
        assert {f"form_error_{mistake}" for mistake in MISTAKES} <= texts.keys()


def test_a_stamp_is_genuine_for_its_form_and_its_keys_alone() -> None:
    keys, others = LinkKeys(["k" * 32]), LinkKeys(["o" * 32])
    stamp = FormStamp.new(1_800_000_000.7)
    text = stamp.text(keys, "sign-up")
    assert len(text) == 44
    assert read_stamp(keys, "sign-up", text) == stamp
    assert stamp.shown_at == 1_800_000_000
    assert read_stamp(LinkKeys(["n" * 32, "k" * 32]), "sign-up", text) == stamp
    assert read_stamp(keys, "other", text) is None
    assert read_stamp(others, "sign-up", text) is None
    for place in range(44):
        changed = text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1 :]
        assert read_stamp(keys, "sign-up", changed) is None
    for wrong in ("", text[:-1], text + "A", "é" * 44):
        assert read_stamp(keys, "sign-up", wrong) is None
