"""Keywords of text messages, against the words that carriers and the law name."""

import pytest

from journeys.model.sms_keywords import KEYWORDS, keyword_of

CARRIERS = (
    "STOP", "STOPALL", "ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "TD",
    "UNSUBSCRIBE",
)  # fmt: skip


@pytest.mark.parametrize("word", CARRIERS)
@pytest.mark.parametrize("form", ["{}", " {} ", "{}.", "“{}”", "{}!!", "{}\n"])
def test_each_word_of_the_carriers_stops_in_any_form(word: str, form: str) -> None:
    for each in (word, word.lower(), word.title()):
        assert keyword_of(form.format(each)) == "stop"


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("Arrêt", "stop"),
        ("ARRE\N{COMBINING CIRCUMFLEX ACCENT}T", "stop"),
        ("Ｓｔｏｐ", "stop"),
        ("STOP 36180", "stop"),
        ("Stop please", "stop"),
        ("stop all", "stop"),
        ("Kündigen", "stop"),
        ("Oprește", "stop"),
        ("START", "start"),
        ("Unstop", "start"),
        ("Alta", "start"),
        ("help?", "help"),
        ("AIDE", "help"),
        ("Hilfe!", "help"),
        ("stop\N{OCTAGONAL SIGN}", "stop"),
    ],
)
def test_a_keyword_is_understood_in_each_language(text: str, keyword: str) -> None:
    assert keyword_of(text) == keyword


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\N{OCTAGONAL SIGN}",
        "yes",
        "Where does the tour end?",
        "Please help me find the shop",
        "I can not stop reading your letters",
        "Stop by the shop on Monday",
        "End of June would suit me",
        "Start at eight",
        "stopwatch",
        "stop" * 1000,
    ],
)
def test_an_ordinary_answer_is_no_keyword(text: str) -> None:
    assert keyword_of(text) is None


def test_no_word_means_two_things() -> None:
    words = [
        word for languages in KEYWORDS.values() for each in languages.values() for word in each
    ]
    assert len(words) == len(set(words))
