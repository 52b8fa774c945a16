"""Documents of requests, prepared to be saved: parsed, checked and compiled.

Pure functions of texts, which take seconds for long ones. `api.definitions.checker` calls them in
a process of its own, so what they take and return is plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from journeys.checks.partial_documents import ELSEWHERE, check_readable
from journeys.checks.references import KnownKeys
from journeys.checks.template_set import TemplateSet
from journeys.checks.validation import check
from journeys.compile.program_compiler import compile_program
from journeys.model.documents import Template, load
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.model.steps import BaseMessage, SmsStep
from journeys.source.parsing import Documents, Parsed, parse_documents
from journeys.templating.compilation import compile_step
from journeys.templating.contents import Content
from journeys.templating.liquid import attributes_printed
from journeys.versions.differences import differences

_NOT_COMPARED: Final = "one of the two no longer validates, so they cannot be compared"

Source = tuple[str, str | bytes]
"""The name of a file, and its text."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that has no errors."""

    file: str
    kind: str
    key: str
    content: dict[str, Any]
    program: dict[str, Any] | None
    """The compiled program of a journey."""
    source: str
    warnings: list[str]
    contents: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The compiled contents: of a template by locale, of a journey's sends by step."""
    prints: tuple[str, ...] = ()
    """The attributes that it, or a template of it, prints without a default."""

    @property
    def is_journey(self) -> bool:
        """Whether it is a journey."""
        return self.kind == "journey"


@dataclass(frozen=True, slots=True)
class Preparation:
    """The documents of some texts, or the errors by which they are refused."""

    documents: list[Prepared] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    refusal: str | None = None
    """The texts do not hold the one document that was asked for."""
    recompiled: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """The contents by locale of templates on the server that the documents change or use."""


def prepare(
    sources: Sequence[Source],
    known: KnownKeys,
    only: tuple[str, str] | None = None,
) -> Preparation:
    """Parse and check the documents of texts, with each other and with the `known` keys.

    `only` is the kind and key of the one document that the texts must hold.
    """
    texts = [parse_documents(text, filename) for filename, text in sources]
    if any(text.problems for text in texts):
        return Preparation(errors=_all_errors(texts, [filename for filename, _ in sources]))
    parsed = [each for text in texts for each in text.parsed]
    if only is not None:
        refusal = _other_than(only, parsed)
        if refusal is not None:
            return Preparation(refusal=refusal)
    found = check(parsed, known)
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        return Preparation(errors=errors)
    everything = KnownKeys.of([each.document for each in parsed]) | known
    templates = TemplateSet(everything.template_documents)
    new = {each.document.key for each in parsed if isinstance(each.document, Template)}
    return Preparation(
        [prepared(each, templates, _warnings(each, parsed, found)) for each in parsed],
        recompiled={
            key: _by_locale(templates, key)
            for key in known.template_documents
            # One that can't be compiled, for reasons of its own, keeps the contents that it has.
            if key not in new and not templates.compiled(key).flaws
        },
    )


def prepared(parsed: Parsed, templates: TemplateSet, warnings: Sequence[str] = ()) -> Prepared:
    """A document that was checked, compiled. `templates` are all that it may use."""
    document = parsed.document
    program = None
    contents: dict[str, dict[str, Any]] = {}
    used: list[dict[str, Any]] = []
    if isinstance(document, Template):
        contents = _by_locale(templates, document.key)
    if isinstance(document, Journey):
        program = compile_program(document).model_dump(mode="json")
        for step in document.all_steps():
            content = compile_step(step)
            if content is not None:
                contents[step.id] = content.as_json()
            if isinstance(step, BaseMessage) and step.content.template is not None:
                used += [
                    {"prints": _printed_by(step, each)}
                    for each in templates.compiled(step.content.template).contents.values()
                ]
    return Prepared(
        file=parsed.file,
        kind=document.kind,
        key=document.key,
        content=document.as_document(),
        program=program,
        source=parsed.source,
        warnings=list(warnings),
        contents=contents,
        prints=_prints([*contents.values(), *used]),
    )


def _printed_by(step: BaseMessage, content: Content) -> list[str]:
    """The attributes that a step prints of a template: a text message only those of its `sms`."""
    shown = (content.sms,) if isinstance(step, SmsStep) else (
        content.subject, content.html, content.text,
    )  # fmt: skip
    return [name for text in shown if text is not None for name in attributes_printed(text)]


def _prints(contents: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({name for each in contents for name in each.get("prints", ())}))


def _by_locale(templates: TemplateSet, key: str) -> dict[str, dict[str, Any]]:
    contents = templates.compiled(key).contents
    return {locale: content.as_json() for locale, content in contents.items()}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The differences between two contents of a document: sentences, and diffs of texts.

    A stored one that no longer validates has none that could be said; its correction is taken all
    the same.
    """
    try:
        contents = load(dict(before)), load(dict(now))
    except ValidationError:
        return [(_NOT_COMPARED, None)]
    found = differences(*contents)
    return [(each.sentence, each.lines) for each in found]


def _all_errors(texts: Sequence[Documents], files: Sequence[str]) -> list[Problem]:
    """The errors of texts that cannot be read in full, with what is sure of the rest of them."""
    rest = [
        problem
        for problem in check_readable(texts)
        # The server may have it.
        if problem.severity == "error" and problem.code not in ELSEWHERE
    ]
    errors = [*(problem for text in texts for problem in text.problems), *rest]
    return sorted(errors, key=lambda each: (files.index(each.file), each.line, each.column))


def _other_than(only: tuple[str, str], parsed: Sequence[Parsed]) -> str | None:
    kind, key = only
    if len(parsed) != 1:
        return f"one {kind} is expected, not {len(parsed)}"
    document = parsed[0].document
    if (document.kind, document.key) != only:
        return f"this is the {document.kind} {document.key}, not the {kind} {key}"
    return None


def _warnings(parsed: Parsed, among: Sequence[Parsed], found: Sequence[Problem]) -> list[str]:
    begins = sorted(each.lines.value(()).line for each in among if each.file == parsed.file)
    mine = parsed.lines.value(()).line
    return [
        str(problem)
        for problem in found
        if problem.file == parsed.file and _begin(problem.line, begins, mine) == mine
    ]


def _begin(line: int, begins: Sequence[int], default: int) -> int:
    """Where the document of a line begins: the last one of the file that begins before it."""
    return max((begin for begin in begins if begin <= line), default=default)
