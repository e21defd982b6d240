"""What holds for the comparison of any mappings."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import tiledmap
from tests.outline.compare.directions import told, undone
from tests.outline.mappings import WRITTEN
from tiledmap.api import shipped
from tiledmap.documents.recordings import read_documents
from tiledmap.outline.compare.compare import compare
from tiledmap.outline.compare.recorded import compare_recorded
from tiledmap.outline.compare.values import Side
from tiledmap.testing import strategies

TESTS = Path(__file__).parents[2]


def side(name: str | Path) -> Side:
    loaded = tiledmap.load(name)
    return Side(loaded.resolved, loaded.outline)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mapping_is_what_it_is(name: str) -> None:
    assert compare(side(name), side(name)).changes == ()


@given(text=strategies.mappings())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_mapping_is_what_it_is(place: Path, text: str) -> None:
    place.write_text(text)
    assert compare(side(place), side(place)).changes == ()


def assert_symmetrical(one: Side, other: Side) -> None:
    there, back = compare(one, other), compare(other, one)
    assert Counter(map(undone, there.changes)) == Counter(map(told, back.changes))


@pytest.mark.parametrize("name", [mapping.name for mapping in shipped()])
def test_what_is_added_there_is_removed_back(name: str) -> None:
    assert_symmetrical(side("bluesky-v3"), side(name))


@given(one=strategies.mappings(), other=strategies.mappings())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # two mappings take minutes to shrink
)
def test_what_is_added_there_is_removed_back_of_any(place: Path, one: str, other: str) -> None:
    place.write_text(one)
    before = side(place)
    place.write_text(other)
    assert_symmetrical(before, side(place))


@pytest.mark.parametrize("recording", ["scan.jsonl", "external/hdf5-many.jsonl"])
def test_the_same_documents_give_the_same_tree(recording: str) -> None:
    path = TESTS / "runs" / recording
    one, other = (tiledmap.load("bluesky-v3").preview(read_documents(path)) for _ in range(2))
    recorded = compare_recorded(one, other)
    assert (recorded.runs, recorded.changed, recorded.changes) == (1, 0, ())
