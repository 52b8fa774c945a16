"""The text of an HTML document, for mail programs that show no HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from journeys.templating.html_elements import BLOCKS, SILENT, SPACED_BLOCKS, VOID

_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACES: Final = re.compile(r"[^\S\n\u00a0]+")
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f"))

_INDENTED: Final = "\u2060"
"""Marks the sign of a list's element, whose line keeps its indent."""


class _Table:
    """A table that is being read: the cells of its row."""

    def __init__(self, layout: bool) -> None:
        self.layout = layout
        self.cells: list[str] = []
        self.in_cell = False


class _Text(HTMLParser):
    def __init__(self, comment: re.Pattern[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._comment = comment
        self._buffers: list[list[str]] = [[]]
        self._tables: list[_Table] = []
        self._lists: list[int | None] = []
        self._links: list[tuple[str, int]] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        given = dict(attrs)
        if self._silent:
            if tag not in VOID:
                self._silent.append(tag)
            return
        hidden = _HIDDEN.search(given.get("style") or "") or "hidden" in given
        if tag in SILENT or hidden:
            if tag not in VOID:
                self._silent.append(tag)
            return
        self._break(tag)
        if tag == "br":
            self._write("\n")
        elif tag == "hr":
            self._write("\n\n---\n\n")
        elif tag == "img":
            self._write((given.get("alt") or "").strip())
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self._buffers[-1])))
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._item()
        elif tag == "table":
            self._tables.append(_Table(given.get("role") in ("presentation", "none")))
            self._buffers.append([])
        elif tag in ("td", "th") and self._tables:
            self._end_cell()
            self._tables[-1].in_cell = True
            self._buffers.append([])
        elif tag == "tr" and self._tables:
            self._end_row()

    def handle_endtag(self, tag: str) -> None:
        """Called by the parser."""
        if self._silent:
            if tag in self._silent:
                while self._silent.pop() != tag:
                    pass
            return
        if tag == "a" and self._links:
            self._end_link()
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag in ("td", "th") and self._tables:
            self._end_cell()
        elif tag == "tr" and self._tables:
            self._end_row()
        elif tag == "table" and self._tables:
            self._end_row()
            self._tables.pop()
            rows = "".join(self._buffers.pop())
            self._write("\n\n" + rows + "\n\n")
            return
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Called by the parser."""
        if not self._silent:
            self._write(_SPACES.sub(" ", data.replace("\n", " ").translate(_INVISIBLE)))

    def handle_comment(self, data: str) -> None:
        """Called by the parser: tokens of Liquid stand in comments."""
        if not self._silent and self._comment.fullmatch(f"<!--{data}-->"):
            self._write(data)

    def text(self) -> str:
        """The whole text."""
        while self._tables:
            self.handle_endtag("table")
        while self._links:
            self._end_link()
        whole = "".join(self._buffers[0]).replace("\u00a0", " ")
        return collapse(whole).replace(_INDENTED, "")

    def _write(self, text: str) -> None:
        self._buffers[-1].append(text)

    def _break(self, tag: str) -> None:
        if tag in BLOCKS:
            self._write("\n\n" if tag in SPACED_BLOCKS else "\n")

    def _item(self) -> None:
        counted = self._lists[-1] if self._lists else None
        if counted is not None:
            self._lists[-1] = counted + 1
        sign = "-" if counted is None else f"{counted + 1}."
        self._write("\n" + "  " * max(len(self._lists) - 1, 0) + f"{_INDENTED}{sign} ")

    def _end_link(self) -> None:
        target, begin = self._links.pop()
        buffer = self._buffers[-1]
        inside = "".join(buffer[begin:])
        target = target.strip().removeprefix("mailto:").removeprefix("tel:")
        if not target or target.startswith("#") or inside.strip() == target:
            return
        if inside.strip():
            lead = inside[: len(inside) - len(inside.lstrip())]
            buffer[begin:] = [lead, inside.strip(), f" ({target})"]
        else:
            buffer[begin:] = [target]

    def _end_cell(self) -> None:
        table = self._tables[-1]
        if table.in_cell:
            table.in_cell = False
            table.cells.append(collapse("".join(self._buffers.pop())))

    def _end_row(self) -> None:
        self._end_cell()
        table = self._tables[-1]
        cells = [cell for cell in table.cells if cell]
        table.cells = []
        if not cells:
            return
        several = table.layout or any("\n" in cell for cell in cells)
        self._write(("\n\n" if several else " | ").join(cells) + "\n")


def text_of_html(html: str, comment: re.Pattern[str]) -> str:
    """The words of a document: links as `text (url)`, lists with their signs, tables by rows.

    A comment that matches `comment` is text; all others are left out.
    """
    parser = _Text(comment)
    parser.feed(html)
    parser.close()
    return parser.text()


def collapse(text: str) -> str:
    """A text without spaces at the ends of its lines, and with one empty line at a time."""
    lines = [line.rstrip(" \t") for line in text.split("\n")]
    lines = [
        line.lstrip(" ") if not line.lstrip(" ").startswith(_INDENTED) else line for line in lines
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
