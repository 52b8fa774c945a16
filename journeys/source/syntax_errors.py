"""Error messages for texts that are not YAML, with the most likely mistake."""

from __future__ import annotations

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import ScalarToken

from journeys.model.problems import Problem


def syntax_problem(
    text: str, before: int, file: str, error: Exception, marked: MarkedYAMLError | None
) -> Problem:
    """The problem of a text that is not YAML, at the line where the mistake most likely is.

    `before` is the number of lines before `text` in its file.
    """
    if marked is None:
        return _unmarked(text, before, file, error)
    mark = marked.problem_mark or marked.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    reported = str(marked.problem or marked.context or "this is no YAML")
    message, hint = f"this is no YAML: {reported}", None
    source = _source_line(text, line)
    unclosed = _quote_left_open(text, line)
    if "end of stream" in reported and "quoted scalar" in str(marked.context):
        line = unclosed if unclosed is not None else _context_line(marked, line)
        message, hint = "the quote that opens here is never closed", "close it"
    elif unclosed is not None:
        line = unclosed
        message, hint = "the quote that opens here is not closed on its line", "close it"
    elif "\\t" in reported or "\t" in source[: len(source) - len(source.lstrip())]:
        message, hint = "a tab can't indent", "indent with spaces"
    elif source.count('"') % 2:
        message, hint = "a quote is missing on this line", "close it"
    elif "{{" in source or "{%" in source:
        message, hint = "a template stands here without quotes", 'quote it: "…"'
    elif "mapping values are not allowed" in reported:
        message, hint = "a `:` can't stand here", "quote the text, or mend the indentation"
    elif reported.startswith("expected ',' or"):
        context = _context_line(marked, line)
        if line > context and (not source[:column].strip() or reported.endswith("':'")):
            # The parser reports only on the next line that something is missing.
            line = _line_before(text, line)
        opened = f" (it opened on line {context + 1 + before})" if context != line else ""
        end = "}" if "'}'" in reported else "]"
        message = f"a `,` or the closing `{end}` is missing{opened}"
        hint = "or quote the text" if '"' in source or "'" in source or ":" in source else None
    elif reported.startswith("expected <block end>"):
        message, hint = "this does not belong here", "mend the indentation, or quote the text"
    elif "could not find expected ':'" in reported:
        line = _context_line(marked, line)
        message, hint = "a key without `:`", "write `key: value`, or quote the text"
    elif "cannot start any token" in reported:
        message, hint = f"a text can't begin with `{source[column : column + 1]}`", "quote it"
    return Problem("yaml", message, hint, file=file, line=line + 1 + before, column=column + 1)


def _unmarked(text: str, before: int, file: str, error: Exception) -> Problem:
    if isinstance(error, RecursionError):
        message = "too many levels inside each other"
        return Problem("too_deep", message, file=file, line=1 + before)
    index = getattr(error, "position", None)
    line = text.count("\n", 0, index) if isinstance(index, int) else 0
    letter = getattr(error, "character", None)
    message = "this is no YAML"
    if letter is not None:
        code = ord(letter) if isinstance(letter, str) else letter
        message = f"the file holds a control character (U+{code:04X})"
    return Problem("yaml", message, file=file, line=line + 1 + before)


def _context_line(error: MarkedYAMLError, otherwise: int) -> int:
    return error.context_mark.line if error.context_mark is not None else otherwise


def _source_line(text: str, line: int) -> str:
    lines = text.split("\n")
    return lines[line] if line < len(lines) else ""


def _line_before(text: str, line: int) -> int:
    lines = text.split("\n")
    return next((number for number in range(line - 1, -1, -1) if lines[number].strip()), line)


def _quote_left_open(text: str, line: int) -> int | None:
    """The line, from 0, of a quote that is closed only on the line of the mistake."""
    opened = None
    try:
        for token in YAML(typ="safe", pure=True).scan(text):
            if token.start_mark.line > line:
                break
            if isinstance(token, ScalarToken) and token.style in ("'", '"'):
                several_lines = token.end_mark.line > token.start_mark.line
                if several_lines and token.end_mark.line == line:
                    opened = token.start_mark.line
    except (YAMLError, RecursionError, ValueError):
        return opened
    return opened
