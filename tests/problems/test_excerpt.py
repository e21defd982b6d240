import os

import pytest

from tiledmap.problems import Span
from tiledmap.problems.excerpt import Sources, excerpt, printable


def shown(line: str, column: int, end_column: int, width: int | None = None) -> list[str]:
    span = Span("m.yaml", 1, column, 1, end_column)
    result = excerpt(span, Sources({"m.yaml": line}), width=width)
    assert result is not None
    return [result.text, result.underline]


def test_the_stretch_is_underlined_where_it_stands():
    assert shown("from: event.seqnum", 13, 19) == [
        "from: event.seqnum",
        "            ^^^^^^",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("試料: bad", ["試料: bad", "      ^^^"]),
        ("\tab: bad", ["    ab: bad", "        ^^^"]),
        ("e\u0301a: bad", ["e\u0301a: bad", "    ^^^"]),
        ("\x1b[a: bad", ["�[a: bad", "     ^^^"]),
    ],
    ids=["wide characters", "a tab", "a combining accent", "a control character"],
)
def test_the_underline_counts_cells_not_characters(line, expected):
    start = line.index("bad") + 1
    assert shown(line, start, start + 3) == expected


def test_wide_characters_have_two_carets_each():
    assert shown("key: 試料", 6, 8) == ["key: 試料", "     ^^^^"]


def test_an_empty_stretch_has_one_caret():
    assert shown("key:", 5, 5) == ["key:", "    ^"]


def test_a_stretch_of_many_lines_is_underlined_to_the_end_of_its_first():
    span = Span("m.yaml", 2, 3, 4, 1)
    result = excerpt(span, Sources({"m.yaml": "a:\n  b: 1\n  c: 2\n"}))
    assert (result.text, result.underline) == ("  b: 1", "  ^^^^")


@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_a_long_line_is_cut_around_the_stretch(place):
    before, after = {"start": (0, 300), "middle": (150, 150), "end": (300, 0)}[place]
    line = "x" * before + "FAULT" + "y" * after
    text, underline = shown(line, before + 1, before + 6, width=60)
    assert len(text) <= 60
    assert text[underline.index("^") : underline.rindex("^") + 1] == "FAULT"
    assert text.startswith("…") == (before > 0)
    assert text.endswith("…") == (after > 0)


def test_a_stretch_longer_than_the_width_is_cut_too():
    text, underline = shown("x" * 300, 1, 301, width=40)
    assert len(text) <= 40
    assert len(underline) <= 40


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_lines_end_where_yaml_says(ending):
    assert Sources({"m.yaml": f"one{ending}two{ending}three"}).line("m.yaml", 2) == "two"


def test_a_regular_file_is_read(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_bytes("\ufeffname: smi\nkey: 1\n".encode())
    assert Sources().line(str(path), 1) == "name: smi"


def test_text_that_is_given_wins_over_the_file(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("on disk\n")
    assert Sources({str(path): "given\n"}).line(str(path), 1) == "given"


@pytest.mark.parametrize("file", ["no-such.yaml", "", "<text>", "nul\0byte"])
def test_a_file_that_is_not_there_shows_nothing(file):
    assert excerpt(Span(file, 1, 1, 1, 2), Sources()) is None


def test_a_pipe_is_never_opened(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert Sources().line(str(pipe), 1) is None


def test_control_characters_become_visible():
    assert printable("a\x1b[31mb\u202ec") == "a�[31mb�c"
