"""Files as they come: encodings, delimiters, quotes, lines that are too long or broken."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.imports.encodings import EncodingFinder
from store.imports.problems import FileRefused, LineRefused
from store.imports.records import (
    RECORD_LIMIT,
    WINDOW,
    Dialect,
    Place,
    open_records,
    read_records,
)

CSV = Dialect(format="csv", encoding="utf-8")
POLISH = "imię;miasto\nŁukasz;Gdańsk\nŻaneta;Łódź\nMałgorzata;Kraków\n"
FRENCH = "nom;ville\nZoé;Orléans\nÉloïse;Besançon\nJérôme;Nîmes\n"
RUSSIAN = "имя;город\nАлександр;Москва\nНаталья;Санкт-Петербург\nЕкатерина;Новосибирск\n"
JAPANESE = "名前,都市\n田中太郎,東京都千代田区\n鈴木花子,大阪府大阪市\n佐藤,名古屋\n"


def decoded(data: bytes, encoding: str | None = None, *, step: int = 4_096) -> tuple[str, str]:
    """The text of a file that arrives in parts, and the encoding that it came in."""
    finder = EncodingFinder(encoding)
    parts = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
    stored = b"".join(
        finder.take(part, final=number == len(parts) - 1) for number, part in enumerate(parts)
    )
    return stored.decode(finder.encoding), finder.name


@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("utf-8", FRENCH, "utf-8"),
        ("utf-8-sig", FRENCH, "utf-8"),
        ("utf-16", FRENCH, "utf-16-le"),
        ("utf-16-be", FRENCH, "utf-16-be"),
        ("utf-32", FRENCH, "utf-32-le"),
        ("cp1252", FRENCH, "cp1252"),
        ("cp1252", "name,city\nZoë,Köln\n", "cp1252"),
        ("cp1250", POLISH, "cp1250"),
        ("cp1251", RUSSIAN, "cp1251"),
        ("shift_jis", JAPANESE, "cp932"),
        ("ascii", "a,b\n1,2\n", "utf-8"),
    ],
)
def test_the_encoding_of_a_file_is_found(encoding: str, text: str, found: str) -> None:
    assert decoded(text.encode(encoding)) == (text, found)


def test_an_encoding_that_is_given_counts() -> None:
    czech = "jméno;město\nJiří;Plzeň\nŽofie;České Budějovice\n"
    assert decoded(czech.encode("cp1250"), "cp1250")[0] == czech
    assert decoded(FRENCH.encode("utf-16-le"), "utf-16-le", step=7)[0] == FRENCH
    for name in ("utf-7", "nothing", "rot13", "cp037"):
        with pytest.raises(FileRefused):
            EncodingFinder(name)


def test_a_few_broken_lines_do_not_change_the_encoding() -> None:
    lines = ["Zoé", "Éloïse", "Jérôme"] * 5
    data = "\n".join(lines).encode() + b"\nbroken \xe9\n"
    finder = EncodingFinder()
    finder.take(data, final=True)
    assert finder.encoding == "utf-8"


@pytest.mark.parametrize("start", [b"PK\x03\x04rest", b"PAR1....", b"\xd0\xcf\x11\xe0...."])
def test_spreadsheets_are_refused(start: bytes) -> None:
    with pytest.raises(FileRefused, match="export it as CSV"):
        EncodingFinder().take(start)


@pytest.mark.parametrize(
    ("text", "delimiter", "columns"),
    [
        ("a,b,c\n1,2,3\n", ",", ["a", "b", "c"]),
        ("a;b\n1,5;2,5\n", ";", ["a", "b"]),
        ("a\tb\n1\t2\n", "\t", ["a", "b"]),
        ("a|b\n1|2\n", "|", ["a", "b"]),
        ("sep=;\r\na;b\r\n1;2\r\n", ";", ["a", "b"]),
        ('"a, b";c\n"x, y";z\n', ";", ["a, b", "c"]),
        ("email\nada@example.com\n", ",", ["email"]),
        ("a,b,a,,\n1,2,3\n", ",", ["a", "b", "a (2)"]),
    ],
)
def test_delimiter_and_columns_are_found(text: str, delimiter: str, columns: list[str]) -> None:
    opening = open_records(text.encode(), "utf-8", final=True)
    assert (opening.dialect.delimiter, opening.columns) == (delimiter, columns)


@pytest.mark.parametrize("text", [b"", b"\n \n", b"[{}]"])
def test_a_file_without_columns_is_refused(text: bytes) -> None:
    with pytest.raises(FileRefused):
        open_records(text, "utf-8", final=True)


def everything(data: bytes, dialect: Dialect = CSV, *, limit: int = 3) -> list[tuple[int, Any]]:
    """All records of a file, read window by window and page by page."""
    place, found = Place(), []
    while True:
        window = data[place.at : place.at + WINDOW]
        final = place.at + WINDOW >= len(data)
        records, following = read_records(window, dialect, place, final=final, limit=limit)
        found += records
        if final and following.at >= len(data):
            return [
                (line, cells.code if isinstance(cells, LineRefused) else cells)
                for line, cells in found
            ]
        assert following != place
        place = following


def test_quotes_line_ends_and_blank_lines_are_read_as_spreadsheets_do() -> None:
    data = b'a,"b\nc",d\r\n"say ""hi""",5" pipe,\r\r\nx,y,z\n\n,,\nlast,"quoted",end'
    assert everything(data) == [
        (1, ["a", "b\nc", "d"]),
        (3, ['say "hi"', '5" pipe', ""]),
        (5, ["x", "y", "z"]),
        (8, ["last", "quoted", "end"]),
    ]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    limit=st.integers(1, 5),
)
def test_what_was_written_is_read_in_pages_of_any_size(
    rows: list[list[str]], end: str, limit: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerows(rows)
    read = everything(out.getvalue().encode(), limit=limit)
    assert [cells for _, cells in read] == [row for row in rows if any(row)]


def test_a_line_of_100_megabytes_is_skipped_in_bounded_windows() -> None:
    data = b"a\n" + b"x" * (100 << 20) + b"\nb\n"
    assert everything(data) == [(1, ["a"]), (2, "too_long"), (3, ["b"])]


def test_a_quote_that_is_never_closed_costs_its_own_line_alone() -> None:
    lines = [b"name,city"] + [b"n%d,c" % n for n in range(60_000)]
    lines[3] = b'n2,"c'
    read = everything(b"\n".join(lines) + b"\n", limit=10_000)
    assert len(read) == len(lines)
    assert [each for each in read if isinstance(each[1], str)] == [(4, "open_quote")]
    assert read[4] == (5, ["n3", "c"])
    assert everything(b'a,b\nx,"y\n') == [(1, ["a", "b"]), (2, "open_quote")]


def test_many_open_quotes_take_no_more_than_linear_time() -> None:
    block = b'"open\n' + (b"x" * (RECORD_LIMIT // 4) + b"\n") * 4
    read = everything(block * 110, limit=10_000)
    # The file goes back a hundred times; from then on it goes on behind what was read.
    assert [each[1] for each in read[:10]] == (
        ["open_quote"] + [["x" * (RECORD_LIMIT // 4)]] * 4
    ) * 2
    assert 505 < len(read) <= 530


def test_broken_lines_are_refused_and_the_others_read() -> None:
    assert everything(b"a\n\xff\xfe\nb\n") == [(1, ["a"]), (2, "wrong_encoding"), (3, ["b"])]
    big = b'"' + b"x" * 140_000 + b'"\n'
    assert everything(b"a\n" + big + b"b\n") == [(1, ["a"]), (2, "too_long"), (3, ["b"])]
    jsonl = Dialect(format="jsonl", encoding="utf-8")
    text = b'{"a": 1}\n[1]\n\n{"a": }\n{"b": "\\ud800"}\n{"c": 2}'
    assert everything(text, jsonl) == [
        (1, {"a": 1}),
        (2, "not_json"),
        (4, "not_json"),
        (5, "not_json"),
        (6, {"c": 2}),
    ]
