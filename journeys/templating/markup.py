"""HTML and MJML made ready for their compilers: hidden Liquid, and bounds on nesting.

Compilers parse recursively and end the process when elements are nested too deeply, so the bounds
hold before they see a text.
"""

from __future__ import annotations

import re
from typing import Final

from journeys.templating.failures import TemplateError
from journeys.templating.html_elements import LEFT_OPEN, SCOPES, VOID
from journeys.templating.tokens import Tokens

DEEPEST: Final = 200
"""Elements within each other. Compilers bear five times as many."""
_MOST_WORK: Final = 5_000_000
"""The sum of the depths of all elements."""
_TAG: Final = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_ATTRIBUTE: Final = re.compile(
    r"""\s*/*\s*([^\s=>/][^\s=>/]*)(?:(\s*=\s*)("[^"]*"|'[^']*'|[^\s>]*))?"""
)
_TAG_END: Final = re.compile(r"\s*(/?)\s*>")
_RAW_TEXT: Final = ("style", "script", "title", "textarea")
_RAW_TEXT_OF_MJML: Final = (*_RAW_TEXT, "mj-style", "mj-title", "mj-preview")


class Markup:
    """One pass over a text whose Liquid is hidden by plain tokens."""

    def __init__(
        self, text: str, tokens: Tokens, *, mjml: bool = False, of_mjml: bool = False
    ) -> None:
        """`of_mjml`: it was compiled from MJML, which nests elements deeper.

        Of its style sheets those with the marker of the tokens are the author's.
        """
        self._text = text
        self._tokens = tokens
        self._mjml = mjml
        self._of_mjml = of_mjml
        self._deepest = 5 * DEEPEST if of_mjml else DEEPEST
        self._raw = _RAW_TEXT_OF_MJML if mjml else _RAW_TEXT
        self._parts: list[str] = []
        self._open: list[str] = []
        self._work = 0
        self.styled = False
        """Whether there is a style sheet to inline."""
        self.elements: set[str] = set()
        """The names of its elements."""

    def prepared(self) -> str:
        """The text for a compiler. Raises TemplateError."""
        text, place = self._text, 0
        while (begin := text.find("<", place)) >= 0:
            self._literal(text[place:begin])
            place = self._markup(begin)
        self._literal(text[place:])
        return "".join(self._parts)

    def _literal(self, text: str) -> None:
        """Text between elements: a token there must bear standing between rows of a table."""
        tokens = self._tokens
        self._parts.append(
            tokens.plain_token.sub(lambda found: tokens.comment(int(found[1])), text)
        )

    def _opaque(self, begin: int, end: int) -> int:
        self._parts.append(self._tokens.comment(self._tokens.hide(self._text[begin:end])))
        return end

    def _markup(self, begin: int) -> int:
        """Take what begins with `<`; the place after it."""
        text = self._text
        if text.startswith("<!--", begin):
            own = self._tokens.own_comment.match(text, begin)
            if own is not None:
                self._parts.append(own[0])
                return own.end()
            return self._opaque(begin, self._end("-->", begin, "a comment"))
        if text.startswith("<!", begin) or text.startswith("<?", begin):
            end = self._end(">", begin, "a declaration")
            if text[begin : begin + 9].lower() != "<!doctype":
                return self._opaque(begin, end)
            self._parts.append(text[begin:end])
            return end
        tag = _TAG.match(text, begin)
        if tag is None:
            self._parts.append("&lt;")
            return begin + 1
        return self._tag(tag)

    def _end(self, sign: str, begin: int, words: str) -> int:
        end = self._text.find(sign, begin)
        if end < 0:
            raise TemplateError(f"{words} has no end", line=self._line(begin))
        return end + len(sign)

    def _line(self, place: int) -> int:
        return self._text.count("\n", 0, place) + 1

    def _tag(self, tag: re.Match[str]) -> int:
        """Take a start tag or an end tag, and the whole element if its inside is no markup."""
        text, begin = self._text, tag.start()
        written, place, closed = self._attributes(tag)
        name = tag[2].lower()
        if self._tokens.plain_token.search(tag[2]) or name == "link":
            return self._opaque(begin, place)
        if tag[1]:
            self._close(name)
            self._parts.append(text[begin:place])
            return place
        self.elements.add(name)
        closed = closed and self._mjml
        if name not in VOID and not closed:
            self._nest(name, begin)
        if name not in self._raw or closed:
            self._parts.append(written)
            return place
        return self._raw_text(name, begin, place, written)

    def _raw_text(self, name: str, begin: int, place: int, written: str) -> int:
        """Take an element whose inside is text: style sheets, scripts and titles."""
        closing = re.compile(rf"</{re.escape(name)}[^>]*>", re.IGNORECASE).search(self._text, place)
        if closing is None:
            raise TemplateError(f"`<{name}>` has no end", line=self._line(begin))
        self._close(name)
        inside = self._text[place : closing.start()]
        if name == "script":
            return self._opaque(begin, closing.end())
        if name == "style" and not self._mjml:
            others = self._of_mjml and self._tokens.marker not in inside
            if others or self._tokens.has_tag(inside):
                return self._opaque(begin, closing.end())
            inside = inside.replace(self._tokens.marker, "")
            self.styled = True
        elif name in ("mj-style", "style"):
            inside = self._tokens.marker + inside
        self._parts += [written, inside, closing[0]]
        return closing.end()

    def _attributes(self, tag: re.Match[str]) -> tuple[str, int, bool]:
        """A tag as it is written for the compiler, the place after it, and whether it has `/>`.

        From the first to the last token that stands for an attribute all becomes one token:
        two branches may hold the same attribute.
        """
        text, place, tokens = self._text, tag.end(), self._tokens
        found: list[tuple[int, int, str, bool]] = []
        while True:
            end = _TAG_END.match(text, place)
            if end is not None:
                break
            attribute = _ATTRIBUTE.match(text, place)
            if attribute is None or attribute.end() == place:
                raise TemplateError(f"the tag `{tag[0]}` has no end", line=self._line(tag.start()))
            place = attribute.end()
            name, equals, value = attribute[1], attribute[2], attribute[3]
            hidden = tokens.plain_token.search(name) is not None
            if name.lower() == "style" and equals and not self._mjml:
                value = self._declarations(value)
            if equals and value[:1] not in ('"', "'"):
                quote = "'" if '"' in value else '"'
                shown = f"{name}={quote}{value}{quote}"
            elif equals:
                shown = f"{name}{equals}{value}"
            else:
                shown = name
            found.append((attribute.start(1), place, shown, hidden))
        names = [number for number, each in enumerate(found) if each[3]]
        if names:
            first, last = found[names[0]], found[names[-1]]
            token = tokens.attribute(tokens.hide(text[first[0] : last[1]]))
            found[names[0] : names[-1] + 1] = [(first[0], last[1], token, True)]
        slash = " /" if end[1] else ""
        words = " ".join([tag[0], *(each[2] for each in found)])
        return f"{words}{slash}>", end.end(), bool(end[1])

    def _declarations(self, value: str) -> str:
        """The value of a `style`, in which Liquid stands as values or as whole declarations."""
        tokens = self._tokens
        if not tokens.plain_token.search(value):
            return value
        quote = value[:1] if value[:1] in ('"', "'") else ""
        parts = value.strip(quote).split(";") if quote else value.split(";")
        wild = [
            place
            for place, part in enumerate(parts)
            if tokens.plain_token.search(part)
            and (tokens.has_tag(part) or not self._is_declaration(part))
        ]
        if wild:
            whole = tokens.hide(";".join(parts[wild[0] : wild[-1] + 1]))
            parts[wild[0] : wild[-1] + 1] = [tokens.declaration(whole)]
        return f"{quote}{';'.join(parts)}{quote}"

    def _is_declaration(self, part: str) -> bool:
        name, colon, rest = part.partition(":")
        return bool(colon and rest.strip()) and re.fullmatch(r"\s*[A-Za-z-]+\s*", name) is not None

    def _nest(self, name: str, begin: int) -> None:
        # The parser of MJML knows no element that needs no end tag: it nests them until it fails.
        if self._mjml or name not in LEFT_OPEN:
            self._open.append(name)
        self._work += len(self._open)
        if len(self._open) > self._deepest or self._work > _MOST_WORK:
            raise TemplateError(
                f"elements are nested more than {self._deepest} deep;"
                " close them, or make it simpler",
                line=self._line(begin),
            )

    def _close(self, name: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] == name:
                del self._open[place:]
                return
            if self._open[place] in SCOPES:
                return
