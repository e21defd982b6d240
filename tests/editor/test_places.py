from hypothesis import given, settings
from hypothesis import strategies as st

from tiledmap.editor.places import UNITS, Places, Position
from tiledmap.language.yaml_source import Characters

TEXTS = st.text(alphabet="a ä🔬\n\x85\u2028é", max_size=40)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(sorted(UNITS)), st.data())
def test_a_place_is_found_again_by_its_position(text: str, encoding: str, data: st.DataObject):
    index = data.draw(st.integers(0, len(text)))
    places = Places(text, encoding)
    assert places.index_at(places.position_of(index)) == index


@settings(deadline=None)
@given(TEXTS, st.sampled_from(sorted(UNITS)), st.data())
def test_an_editor_finds_the_characters_of_a_span(text: str, encoding: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = Places(text, encoding).range_of(Characters("", text).span(start, end))

    codec, size = UNITS[encoding]
    lines = [f"{line}\n".encode(codec) for line in text.split("\n")]
    before = [b"".join(lines[: at.line]) + lines[at.line][: at.character * size] for at in found]
    assert before[1][len(before[0]) :].decode(codec) == text[start:end]


def test_a_place_outside_of_the_text_is_taken_to_the_nearest_one():
    places = Places("ab\nc")
    assert places.index_at(Position(0, 9)) == 2
    assert places.index_at(Position(9, 0)) == 3
    assert places.index_of(9, 9) == 4
