"""Reader from YAML or JSON text to plain values and their line numbers.

Only the syntax of YAML 1.2 is used, not its types: a plain scalar is `true`, `false`, null, or a
number if that number prints as the same text. All else is text. Size and depth are limited, so that
no text takes long to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from journeys.model.problems import Path, Problem
from journeys.model.values import Ambiguous
from journeys.source.syntax_errors import syntax_problem

LONGEST_TEXT: Final = 1_000_000
"""How many characters a file may have."""
DEEPEST: Final = 64
"""How many levels of lists and mappings a document may have."""
MOST_NODES: Final = 30_000
"""How many values a document may have; an alias counts at each use."""

AMBIGUOUS: Final = frozenset(
    [
        *("yes", "Yes", "YES", "no", "No", "on", "On", "off", "Off", "OFF"),
        *("True", "TRUE", "False", "FALSE"),
    ]
)
"""Truth values of YAML 1.1, and `true` and `false` in other spellings.

`NO` and `ON` are left out: they are Norway and Ontario.
"""

FREE_TEXT: Final = frozenset({"subject", "preheader", "text", "html", "mjml", "sms"})

_CUT = re.compile(r"[ \t]+(#[^\n]*)")
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d+)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a key or value begins, from 1."""

    line: int
    column: int
    block: bool = False
    """A block scalar, whose text begins on the next line."""


@dataclass(slots=True)
class Lines:
    """The positions of all keys and values of a document."""

    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)

    def resolve(self, path: Path) -> Path:
        """The path as the source has it: without the parts that the author need not write."""
        known: Path = ()
        for part in path:
            if (*known, part) in self.values:
                known = (*known, part)
        return known

    def value(self, path: Path) -> Position:
        """Where the value at `path` begins, or else the innermost value around it."""
        return self.values.get(self.resolve(path), Position(1, 1))

    def key(self, path: Path) -> Position:
        """Where the key of the value at `path` is, or the value if it has no key."""
        known = self.resolve(path)
        return self.keys.get(known) or self.values.get(known, Position(1, 1))


@dataclass(slots=True)
class Reading:
    """The value of one document of a file, with its positions and syntax problems."""

    value: Any
    lines: Lines
    source: str
    problems: list[Problem]


@dataclass(slots=True)
class _Node:
    kind: str
    position: Position
    text: str = ""
    plain: bool = False
    cut: str = ""
    doubled: bool = False
    """A mapping written `{{`."""
    pairs: list[tuple[_Node, _Node]] = field(default_factory=list)
    items: list[_Node] = field(default_factory=list)


def decode(content: bytes, file: str) -> str | Problem:
    """The text of a file, which is UTF-8 with or without a byte order mark."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem("encoding", "the file is UTF-16; save it as UTF-8", file=file, line=1)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem("encoding", "the file is not UTF-8; save it as UTF-8", file=file, line=line)


def read(text: str, file: str) -> list[Reading]:
    """The documents of a text, each with the problems of its syntax. Empty ones are left out."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > LONGEST_TEXT:
        problem = Problem(
            "too_large", f"the file has more than {LONGEST_TEXT:,} characters", file=file, line=1
        )
        return [Reading(None, Lines(), "", [problem])]
    return [
        reading
        for chunk, before in _chunks(text)
        for reading in _Reader(chunk, before, file).readings()
    ]


def _chunks(text: str) -> Iterator[tuple[str, int]]:
    """The text between document markers, with the number of lines before it.

    A marker in the first column always ends a document, even inside a quote that is not closed, so
    that a broken document hides no problem of the next one.
    """
    start = 0
    for marker in re.finditer(r"^---(?=\s|$)", text, re.MULTILINE):
        yield text[start : marker.start()], text.count("\n", 0, start)
        start = marker.end()
    yield text[start:], text.count("\n", 0, start)


class _Reader:
    def __init__(self, text: str, before: int, file: str) -> None:
        self.text = text
        self.before = before
        self.file = file
        self.problems: list[Problem] = []
        self.lines = Lines()
        self.nodes = 0

    def readings(self) -> Iterator[Reading]:
        if not self._has_content():
            return
        try:
            roots = list(self._compose())
        except _Refused as refused:
            yield self._failed(refused.problem)
            return
        except (YAMLError, RecursionError, ValueError, OverflowError) as error:
            marked = error if isinstance(error, MarkedYAMLError) else None
            yield self._failed(syntax_problem(self.text, self.before, self.file, error, marked))
            return
        for root in roots:
            self.problems, self.lines, self.nodes = [], Lines(), 0
            try:
                value = self._expand(root, (), 0)
            except _Refused as refused:
                yield self._failed(refused.problem)
                continue
            if value is not None:
                yield Reading(value, self.lines, self.text, self.problems)

    def _has_content(self) -> bool:
        return any(
            line.strip() and not line.startswith(("#", "%")) and not line.strip().startswith("#")
            for line in self.text.splitlines()
        )

    def _failed(self, problem: Problem) -> Reading:
        return Reading(None, self.lines, self.text, [*self.problems, problem])

    def _refuse(self, code: str, message: str, position: Position) -> _Refused:
        return _Refused(self._problem(code, message, position))

    def _problem(
        self, code: str, message: str, position: Position, path: Path = (), hint: str | None = None
    ) -> Problem:
        return Problem(
            code,
            message,
            hint,
            path=path,
            file=self.file,
            line=position.line,
            column=position.column,
        )

    def _position(self, event: Any, block: bool = False) -> Position:
        mark = event.start_mark
        # The first line of a chunk is the rest of the line of its marker.
        return Position(mark.line + 1 + self.before, mark.column + 1, block)

    def _count(self, position: Position) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise self._refuse("too_large", f"more than {MOST_NODES:,} values", position)

    # ------------------------------------------------------------------ events → nodes

    def _compose(self) -> Iterator[_Node]:
        yaml = YAML(typ="safe", pure=True)
        anchors: dict[str, _Node] = {}
        stack: list[_Node] = []
        pending: list[_Node | None] = []
        root: _Node | None = None
        for event in yaml.parse(self.text):
            if isinstance(event, StreamStartEvent | StreamEndEvent | DocumentStartEvent):
                continue
            if isinstance(event, DocumentEndEvent):
                if root is not None:
                    yield root
                root, anchors = None, {}
                continue
            if isinstance(event, MappingEndEvent | SequenceEndEvent):
                stack.pop()
                pending.pop()
                continue
            node = self._node(event, anchors)
            if stack:
                self._attach(stack[-1], pending, node)
            else:
                root = node
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                if len(stack) >= DEEPEST:
                    raise self._refuse(
                        "too_deep", f"more than {DEEPEST} levels inside each other", node.position
                    )
                stack.append(node)
                pending.append(None)

    def _node(self, event: Any, anchors: dict[str, _Node]) -> _Node:
        position = self._position(event, getattr(event, "style", None) in ("|", ">"))
        self._count(position)
        if isinstance(event, AliasEvent):
            if event.anchor not in anchors:
                raise self._refuse("yaml", f"there is no anchor `&{event.anchor}`", position)
            return anchors[event.anchor]
        if isinstance(event, ScalarEvent):
            node = _Node("scalar", position, text=event.value, plain=event.style is None)
            if node.plain and event.value:
                cut = _CUT.match(self.text, event.end_mark.index)
                node.cut = cut[1] if cut else ""
        else:
            kind = "mapping" if isinstance(event, MappingStartEvent) else "list"
            at = event.start_mark.index
            node = _Node(kind, position, doubled=self.text[max(at - 1, 0) : at + 1] == "{{")
        if getattr(event, "tag", None) is not None and str(event.tag) != "!":
            raise self._refuse(
                "tag", "tags (`!…`) are no part of the language; quote a text instead", position
            )
        if event.anchor is not None:
            anchors[event.anchor] = node
        return node

    @staticmethod
    def _attach(parent: _Node, pending: list[_Node | None], node: _Node) -> None:
        if parent.kind == "list":
            parent.items.append(node)
            return
        key = pending[-1]
        if key is None:
            pending[-1] = node
        else:
            parent.pairs.append((key, node))
            pending[-1] = None

    # ------------------------------------------------------------------ nodes → values

    def _expand(self, node: _Node, path: Path, depth: int) -> Any:
        self._count(node.position)
        if depth > DEEPEST:
            raise self._refuse(
                "too_deep", f"more than {DEEPEST} levels inside each other", node.position
            )
        self.lines.values[path] = node.position
        if node.kind == "scalar":
            return self._scalar(node, path)
        if node.kind == "list":
            return [
                self._expand(item, (*path, place), depth + 1)
                for place, item in enumerate(node.items)
            ]
        return self._mapping(node, path, depth)

    def _mapping(self, node: _Node, path: Path, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.pairs:
            if key.kind != "scalar":
                hint = None
                message = "a key is one word"
                if key.doubled:
                    message, hint = "`{{` without quotes is a mapping", "quote the text"
                self.problems.append(self._problem("quote", message, key.position, path, hint))
                continue
            name = self._valid_text(key, path)
            inside = (*path, name)
            if name in mapping:
                first = self.lines.keys[inside].line
                self.problems.append(
                    self._problem(
                        "duplicate_key",
                        f"the key `{name}` stands here twice, first on line {first}",
                        key.position,
                        inside,
                    )
                )
                continue
            self.lines.keys[inside] = key.position
            mapping[name] = self._expand(value, inside, depth + 1)
            if value.plain and not value.text:
                self.lines.values[inside] = key.position
        return mapping

    def _scalar(self, node: _Node, path: Path) -> Any:
        text = self._valid_text(node, path)
        if not node.plain:
            return text
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        number = _number(text)
        if number is not None:
            return number
        self._unquoted(node, text, path)
        return Ambiguous(text) if text in AMBIGUOUS else text

    def _valid_text(self, node: _Node, path: Path) -> str:
        text = node.text
        if "\0" in text:
            self.problems.append(
                self._problem("text", "text can't hold the character NUL", node.position, path)
            )
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            # JSON writes a character above U+FFFF as two escapes, its surrogates.
            try:
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                message = "text can't hold half of a surrogate pair"
                self.problems.append(self._problem("text", message, node.position, path))
                text = text.encode("utf-8", "replace").decode()
        return text

    def _unquoted(self, node: _Node, text: str, path: Path) -> None:
        message = None
        if "{{" in text or "{%" in text:
            message = "a template stands here without quotes"
        elif (text.count('"') % 2 and text[-1] == '"') or text[-1:] == "'" != text[:1]:
            message = f"`{text}` ends with a quote but does not begin with one"
        elif node.cut and (re.match(r"#\S", node.cut) or path[-1] in FREE_TEXT):
            message = f"the text ends at `{text}`: `{node.cut}` after it is a comment"
        if message is not None:
            hint = 'quote it: "…"'
            self.problems.append(self._problem("quote", message, node.position, path, hint))


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _number(text: str) -> int | float | None:
    """The number that prints as exactly this text; None if there is none."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        whole = int(text)
    except ValueError:
        real = float(text)
        return real if repr(real) == text else None
    return whole if str(whole) == text and abs(whole) < 2**63 else None
