"""What is said to differ between the trees of the same documents."""

from typing import Any

import tiledmap
from tiledmap.display.preview import Preview
from tiledmap.outline.compare.recorded import compare_recorded
from tiledmap.outline.compare.values import Kind


def stored(**said: Any) -> Preview:
    documents = [
        ("start", {"uid": "run-1", "time": 1.0, **said}),
        ("stop", {"uid": "stop-1", "run_start": "run-1", "time": 2.0, "exit_status": "success"}),
    ]
    return tiledmap.load("bluesky-v3").preview(documents)


def told(before: Preview, after: Preview) -> list[str]:
    return [change.words for change, _ in compare_recorded(before, after).changes]


def test_a_difference_at_the_end_of_a_long_value_is_told() -> None:
    before, after = (stored(note="x" * 200 + end) for end in "ab")
    assert told(before, after) == [
        f'/: metadata start.note: …{"x" * 20}b", was …{"x" * 20}a"',
    ]


def test_values_within_values_are_told_one_by_one() -> None:
    before = stored(sample={"name": "Ni", "mass": {"value": 1.0, "units": "g"}})
    after = stored(sample={"name": "Ni", "mass": {"value": 2.0}})
    assert told(before, after) == [
        '/: metadata start.sample.mass.units is gone; it was "g"',
        "/: metadata start.sample.mass.value: 2.0, was 1.0",
    ]


def test_what_is_gone_whole_is_told_at_once() -> None:
    before, after = stored(sample={"name": "Ni", "mass": {"value": 1.0}}, scan_id=1), stored()
    changes = [change for change, _ in compare_recorded(before, after).changes]
    assert [(change.kind, change.what, change.was) for change in changes] == [
        (Kind.REMOVED, "metadata start.sample", ""),
        (Kind.REMOVED, "metadata start.scan_id", "1"),
    ]
