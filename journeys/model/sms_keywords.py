"""Keywords by which people answer text messages: STOP, START and HELP, in several languages.

STOP ends all text messages to a number, and only START begins them again. A keyword is the whole
answer. The words that can hardly mean anything else may be followed by a few more: `STOP 36180` and
`Stop please` are STOP.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal

Keyword = Literal["stop", "start", "help"]

KEYWORDS: Final[Mapping[Keyword, Mapping[str, tuple[str, ...]]]] = {
    "stop": {
        "en": (
            "stop", "stopall", "stop all", "cancel", "end", "opt-out", "optout", "opt out", "quit",
            "remove", "unsubscribe", "revoke", "td",
        ),
        "fr": ("arret", "arreter", "desabonner", "desinscrire", "annuler"),
        "de": ("stopp", "abmelden", "abbestellen", "kuendigen", "kündigen"),
        "es": ("alto", "baja", "cancelar", "parar"),
        "it": ("cancella", "cancellami", "disiscrivi", "annulla", "basta"),
        "ro": ("opreste", "oprire", "dezabonare", "dezabonez", "anuleaza"),
    },
    "start": {
        "en": ("start", "unstop", "opt-in", "optin", "opt in", "subscribe"),
        "fr": ("abonner", "reprendre"),
        "de": ("anmelden", "starten"),
        "es": ("alta", "iniciar", "suscribir"),
        "it": ("avvia", "inizia", "iscrivi"),
        "ro": ("abonare", "porneste"),
    },
    "help": {
        "en": ("help", "info"),
        "fr": ("aide",),
        "de": ("hilfe",),
        "es": ("ayuda",),
        "it": ("aiuto",),
        "ro": ("ajutor",),
    },
}  # fmt: skip
"""The words of each keyword by language. All languages are understood from every number."""

_FOLLOWED: Final = frozenset({"stop", "stopall", "arret", "unsubscribe", "stopp"})
"""Words that may be followed by others."""
_MOST_WORDS: Final = 3
"""The most words of an answer that begins with one of them."""
_LONGEST: Final = 100
"""Characters. A longer answer is a text and no keyword."""
_OUTSIDE = re.compile(r"[^a-z0-9]+")


def _plain(text: str) -> str:
    """The text in lower case, without accents, with single spaces in the place of all signs."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(each for each in decomposed if not unicodedata.combining(each))
    return _OUTSIDE.sub(" ", letters).strip()


_MEANINGS: Final[Mapping[str, Keyword]] = {
    _plain(word): keyword
    for keyword, languages in KEYWORDS.items()
    for words in languages.values()
    for word in words
}


def keyword_of(text: str) -> Keyword | None:
    """The keyword that a text message is; None if it is an ordinary answer.

    Case, accents, spaces and signs do not matter: `"Arrêt!"` is `stop`.
    """
    if len(text) > _LONGEST:
        return None
    plain = _plain(text)
    known = _MEANINGS.get(plain)
    if known is not None:
        return known
    words = plain.split()
    if words and words[0] in _FOLLOWED and len(words) <= _MOST_WORDS:
        return "stop"
    return None
