"""The table of where fields go, as terminals of several kinds show it."""

import datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.golden import assert_golden
from tiledmap.check import Subject
from tiledmap.check.coverage import Coverage, coverage
from tiledmap.cli.tables import draw_coverage
from tiledmap.language.load import resolve
from tiledmap.problems import Span

GOLDEN = Path(__file__).parent / "golden"
AT = Span("smi.yaml", 7, 3, 7, 9)
ROWS = [
    Coverage("event", "seq_num", True, "column seq_num", "", AT, True, "images"),
    Coverage("event", "data", True, "table, files", "baseline is noise", AT, False, "images"),
    Coverage("event", "uid", True, "", "readers make new ones", AT, False, "images"),
    Coverage("event", "descriptor", True, "", "is the parent node", AT, True, "images"),
    Coverage("event", "filled", False, "", "", AT, False, "images"),
    Coverage("event", "*", False, "", "[b]no[/b] \x1b[2Jroom", None, True, "images"),
    Coverage("bulk_events", "*", False, "the same as events", "", None, True),
]


def drawn(rows: list[Coverage], columns: int = 80, **options: object) -> str:
    output = StringIO()
    draw_coverage(Console(file=output, width=columns, **options), rows)
    return output.getvalue().rstrip("\n")


@pytest.mark.parametrize("columns", [80, 140])
def test_the_coverage_of_a_shipped_mapping(columns):
    resolved = resolve("bluesky-v3")
    rows = coverage(Subject(resolved.mapping, resolved.settings, datetime.date(2026, 1, 1)))
    text = drawn(rows, columns)
    assert max(map(len, text.splitlines())) <= columns
    assert_golden(GOLDEN / f"coverage-{columns}.txt", text)


def test_every_fate_has_its_word():
    assert drawn(ROWS, 60).splitlines() == [
        "event  streams.images",
        "  seq_num      column seq_num",
        "  data         table, files; lost: baseline is noise",
        "  uid          lost: readers make new ones",
        "  descriptor   left out: is the parent node",
        "  filled       nowhere",
        "  (any other)  left out: [b]no[/b] �[2Jroom",
        "",
        "bulk_events",
        "  (any field)  the same as events",
        "",
        "7 fields: 2 stored, 1 changed, 2 left out, 1 lost, 1 nowhere",
        "changed: what is stored is made of the value, which cannot",
        "  be had back from it",
        "left out: not stored, but what is stored tells it",
        "lost: not stored, and the value cannot be had back",
        "nowhere: neither stored nor left out for a reason:",
        "  'tiledmap validate' says where",
    ]


def test_colours_add_nothing_to_the_words():
    from rich.text import Text

    colorful = drawn(ROWS, 140, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mnowhere" in colorful
    plain = Text.from_ansi(colorful).plain.splitlines()
    assert plain == drawn(ROWS, 140).splitlines()
