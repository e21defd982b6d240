from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiledmap.editor.mending import LARGEST, close, mend
from tiledmap.language.yaml_source import read_source

EVERYTHING = (Path(__file__).parents[1] / "mappings/valid/everything.yaml").read_text()


def changed(text: str) -> dict[int, str]:
    """The lines that are changed to make YAML of a text, as they are then."""
    mended = mend(text)
    assert mended is not None
    lines = mended.text.split("\n")
    return {number: lines[number - 1] for number in sorted(mended.lines)}


def test_what_is_yaml_stays_as_it_is():
    mended = mend(EVERYTHING)
    assert mended is not None
    assert (mended.text, mended.lines) == (EVERYTHING, frozenset())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("run:\n  key: a\n  par\nstreams: []\n", {3: "  par:"}),
        ("run:\n  specs: [{spec: a\nstreams: []\n", {2: "  specs: [{spec: a}]"}),
        ('run:\n  key: "a\nstreams: []\n', {2: '  key: "a"'}),
        ("run:\n  key: {{ start.uid }}\nstreams: []\n", {2: ""}),
        ("run:\n  key: 'a' + b\n  parent: []\n", {2: ""}),
        ("run:\n\tkey: a\n  parent: []\n", {2: ""}),
        ("a: *\nb: 1\n", {1: ""}),
        ("a: 'b\nc: 1\nd: 2\ne: 'f'\n", {1: "a: 'b'"}),
    ],
)
def test_only_the_line_that_is_written_is_changed(text, lines):
    assert changed(text) == lines


@settings(deadline=None)
@given(st.integers(0, len(EVERYTHING)), st.text(alphabet=" \n:-'\"{}[]*&|>a$\t", max_size=4))
def test_whatever_is_typed_the_rest_is_still_there(place, typed):
    text = EVERYTHING[:place] + typed + EVERYTHING[place:]
    mended = mend(text)
    if mended is None:
        assert place < EVERYTHING.index("name:")  # nothing is there yet that can be read
        return
    assert read_source(mended.text)[0] is not None
    before, after = text.split("\n"), mended.text.split("\n")
    same = [a == b for number, (a, b) in enumerate(zip(before, after, strict=True), 1)
            if number not in mended.lines]  # fmt: skip
    assert all(same)


def test_a_text_that_is_too_long_is_given_up():
    assert mend(f"a: {'x' * LARGEST}\nb: [") is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_mended_or_given_up(text):
    mended = mend(text)
    assert mended is None or read_source(mended.text)[0] is not None


@pytest.mark.parametrize(
    ("line", "closed"),
    [
        ("match: {name: 'a", "match: {name: 'a'}"),
        ("a: [b, {c: d", "a: [b, {c: d}]"),
        ("key: it's [fine", "key: it's [fine"),
        ("- {", "- {}"),
        ("a: [b] # [c", "a: [b] # [c"),
        ('a: "b\\"c', 'a: "b\\"c"'),
    ],
)
def test_what_a_line_opens_is_closed(line, closed):
    assert close(line) == closed
