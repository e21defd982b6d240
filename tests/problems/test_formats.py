import json

import pytest

from tiledmap.problems import CODES, NOWHERE, MappingError, Note, Problem, Span
from tiledmap.problems.formats import format_concise, format_github, format_json, format_text

SOURCE = """\
tiledmap: 1
name: smi
  from: event.seqnum
name: smi
"""

UNKNOWN_FIELD = Problem(
    "TM201",
    Span("smi.yaml", 3, 15, 3, 21),
    "an event has no field 'seqnum'",
    label="did you mean 'seq_num'?",
)
TWICE = Problem(
    "TM004",
    Span("smi.yaml", 4, 1, 4, 5),
    "the key 'name' is given twice",
    notes=(Note("first given here", Span("smi.yaml", 2, 1, 2, 5)), Note("the second would win")),
)
NOT_UID = Problem("TM502", Span("other.yaml", 1, 6, 1, 16), "the run's key is not its uid")


def test_a_problem_is_printed_with_its_source_underlined():
    assert format_text([UNKNOWN_FIELD], {"smi.yaml": SOURCE}) == (
        "smi.yaml:3:15: error TM201: an event has no field 'seqnum'\n"
        "    3 |   from: event.seqnum\n"
        "      |               ^^^^^^ did you mean 'seq_num'?\n"
        "\n"
        "1 error"
    )


def test_hints_follow_the_source_one_line_each():
    problem = Problem(
        "TM203", UNKNOWN_FIELD.span, "'event.seqnum' may be absent", hint="say:  a\nor:   b"
    )
    assert format_text([problem], {"smi.yaml": SOURCE}).splitlines()[3:5] == [
        "      = say:  a",
        "      = or:   b",
    ]


def test_the_other_place_is_shown_too():
    assert format_text([TWICE], {"smi.yaml": SOURCE}).splitlines() == [
        "smi.yaml:4:1: error TM004: the key 'name' is given twice",
        "    4 | name: smi",
        "      | ^^^^",
        "      = also here, smi.yaml:2:1: first given here",
        "    2 | name: smi",
        "      | ^^^^",
        "      = the second would win",
        "",
        "1 error",
    ]


def test_all_problems_are_ranked_and_counted():
    text = format_text([NOT_UID, TWICE, UNKNOWN_FIELD], {"smi.yaml": SOURCE})
    order = [line for line in text.splitlines() if ": error" in line or ": warning" in line]
    assert [line.split(":")[1] for line in order] == ["1", "3", "4"]
    assert text.splitlines()[-1] == "2 errors, 1 warning"


def test_no_problems_are_said_to_be_none():
    assert format_text([]) == "no problems"


def test_a_problem_without_a_place_has_its_message_alone():
    problem = Problem("TM001", NOWHERE, "there is no file 'x.yaml'", label="here", hint="look")
    assert format_text([problem]).splitlines() == [
        "error TM001: there is no file 'x.yaml'",
        "      = here",
        "      = look",
        "",
        "1 error",
    ]


def test_colour_adds_nothing_but_colour():
    import re

    plain = format_text([TWICE, NOT_UID, UNKNOWN_FIELD], {"smi.yaml": SOURCE})
    colored = format_text([TWICE, NOT_UID, UNKNOWN_FIELD], {"smi.yaml": SOURCE}, color=True)
    assert colored != plain
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == plain


def test_a_message_cannot_command_the_terminal():
    problem = Problem("TM005", NOWHERE, "unknown key '\x1b]0;x\x07'", hint="\x1b[2J")
    assert "\x1b" not in format_text([problem])
    assert "\x1b" not in format_concise([problem])


def test_an_error_that_carries_problems_prints_them():
    assert "TM004: the key 'name' is given twice" in str(MappingError([TWICE]))


def test_concise_has_one_line_for_each():
    assert format_concise([TWICE, UNKNOWN_FIELD]) == (
        "smi.yaml:3:15: error TM201: an event has no field 'seqnum'\n"
        "smi.yaml:4:1: error TM004: the key 'name' is given twice"
    )


def test_concise_leaves_out_a_place_that_is_not_there():
    assert format_concise([Problem("TM001", NOWHERE, "no file")]) == "error TM001: no file"


def test_json_holds_everything():
    written = json.loads(format_json([NOT_UID, TWICE]))
    assert (written["errors"], written["warnings"]) == (1, 1)
    twice = written["problems"][1]
    assert twice == {
        "code": "TM004",
        "severity": "error",
        "message": "the key 'name' is given twice",
        "label": "",
        "hint": "",
        "span": {"file": "smi.yaml", "line": 4, "column": 1, "end_line": 4, "end_column": 5},
        "notes": [
            {
                "message": "first given here",
                "span": {
                    "file": "smi.yaml",
                    "line": 2,
                    "column": 1,
                    "end_line": 2,
                    "end_column": 5,
                },
            },
            {"message": "the second would win", "span": None},
        ],
    }


def test_github_annotates_the_line():
    title = CODES["TM201"].title
    assert format_github([UNKNOWN_FIELD]) == (
        f"::error title=TM201%3A {title},file=smi.yaml,line=3,col=15,endLine=3,endColumn=21"
        "::an event has no field 'seqnum'%0Adid you mean 'seq_num'?"
    )


@pytest.mark.parametrize(
    ("file", "message", "expected"),
    [
        ("a,b:c.yaml", "m", "file=a%2Cb%3Ac.yaml,"),
        ("m.yaml", "100%\r\nsure", "::100%25%0D%0Asure"),
        ("m.yaml", "x::error::y", "::x::error::y"),
    ],
)
def test_github_commands_are_escaped(file, message, expected):
    line = format_github([Problem("TM009", Span(file, 1, 1, 1, 2), message)])
    assert expected in line
    assert "\n" not in line


def test_github_has_no_end_column_for_many_lines():
    line = format_github([Problem("TM009", Span("m.yaml", 1, 3, 4, 2), "m")])
    assert "endLine=4" in line
    assert "endColumn" not in line
