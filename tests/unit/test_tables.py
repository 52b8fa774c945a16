"""Tables of the command line on screens of several widths."""

from __future__ import annotations

import pytest

from cli.tables import print_table

RUN = "01a229a8-760a-7cc8-b2a8-47f6a6be9302"
COLUMNS = ["run", "journey", "state", "outcome", "started", "facts"]
ROW = [
    RUN, "abandoned-cart", "active", "held: retry, tried 8 times", "2026-11-29 23:27:43",
    f"message: {RUN}, said: no connection to the receiver: the host has no address",
]  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200, 240])
def test_no_word_is_broken_or_cut_off_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(COLUMNS, [ROW, ["x"] * len(COLUMNS)])
    shown = capsys.readouterr().out.split()
    for word in " ".join(ROW).split():
        assert word in shown
    assert set(COLUMNS) <= set(shown)


def test_a_table_fills_no_more_than_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    print_table(COLUMNS, [ROW])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 140
    assert any(line.count("─") > 100 for line in lines), "it is a table"
