"""Progress of phases that run one after the other and side by side, on a terminal and elsewhere."""

import re
from io import StringIO

from ictus.app.console import Console


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_phase_has_its_first_and_last_line_and_few_between() -> None:
    stream = StringIO()
    with Console(stream, every_s=60) as progress:
        for done in range(1, 101):
            progress("train", done, 100, f"loss {done}")
    assert stream.getvalue().splitlines() == ["train 1/100 loss 1 (0 s)", "train 100/100 loss 100 (0 s)"]


def test_phases_side_by_side_do_not_make_each_other_begin_anew() -> None:
    stream = StringIO()
    with Console(stream, every_s=60) as progress:
        for done in range(1, 101):
            progress("inter", done, 100, "")
            progress("intra", done, 100, "")
    begun = [line.rsplit(" (", 1)[0] for line in stream.getvalue().splitlines()]
    assert begun == ["inter 1/100", "intra 1/100", "inter 100/100", "intra 100/100"]


def test_a_phase_may_come_again() -> None:
    stream = StringIO()
    with Console(stream, every_s=60) as progress:
        for _ in range(2):
            progress("prepare", 1, 1, "100")
    assert stream.getvalue().count("prepare 1/1 100") == 2


def test_every_bar_on_a_terminal_ends_as_one_line() -> None:
    stream = Terminal()
    with Console(stream) as progress:
        for done in (1, 2):
            progress("inter", done, 2, "a")
            progress("intra", done, 3, "b")
    inter, intra = seen_on_screen(stream.getvalue())
    assert inter.startswith("inter: 100%")
    assert "2/2" in inter
    assert intra.startswith("intra:  67%")
    assert "2/3" in intra


def seen_on_screen(text: str) -> list[str]:
    """Lines that are not empty in the end; knows carriage returns, line feeds and cursor up."""
    rows, row, column = [""], 0, 0
    for word in re.findall(r"\x1b\[A|[\r\n]|[^\r\n\x1b]+", text):
        if word == "\x1b[A":
            row -= 1
        elif word == "\n":
            row, column = row + 1, 0
            rows += [""] * (row == len(rows))
        elif word == "\r":
            column = 0
        else:
            rows[row] = rows[row][:column].ljust(column) + word + rows[row][column + len(word) :]
            column += len(word)
    return [line.strip() for line in rows if line.strip()]
