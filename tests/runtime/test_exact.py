import json
import math
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiledmap.runtime.exact import NodeMetadata, make_exact, restore_exact, split_exact
from tiledmap.sinks.patches import merged

TEXT = st.text(st.characters(codec=None), max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([2.0**64, 1e22, 1e300, -(2.0**64), float("inf"), float("nan")])
    | TEXT
    | st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
METADATA = st.dictionaries(TEXT | st.just("_exact"), JSON_VALUES, max_size=4)


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, NaN included."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and bool(one == other)


def is_storable(value: Any) -> bool:
    match value:
        case dict():
            return all(is_storable(key) and is_storable(item) for key, item in value.items())
        case list():
            return all(map(is_storable, value))
        case bool() | None:
            return True
        case int():
            return -(2**63) <= value < 2**64
        case float():
            return abs(value) < 2.0**64
        case str():
            return "\0" not in value and not any(0xD800 <= ord(letter) < 0xE000 for letter in value)
    return False


@given(METADATA)
def test_metadata_comes_back_as_it_was(metadata: dict[str, Any]) -> None:
    assert same(restore_exact(make_exact(metadata)), metadata)


@given(METADATA)
def test_it_comes_back_from_json_text_too(metadata: dict[str, Any]) -> None:
    text = json.dumps(make_exact(metadata), allow_nan=False)
    assert same(restore_exact(json.loads(text)), metadata)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_stored_is_storable(metadata: dict[str, Any]) -> None:
    assert is_storable(make_exact(metadata))


@given(METADATA, st.lists(METADATA, max_size=3))
def test_patches_keep_what_was_exact_before(
    metadata: dict[str, Any], patches: list[dict[str, Any]]
) -> None:
    metadata = {name: value for name, value in metadata.items() if is_storable(name)}
    node = NodeMetadata({"start": metadata})
    stored, wanted = node.created, {"start": metadata}
    for patch in patches:
        whole = {"list": [patch]}
        wanted |= whole
        stored = merged(stored, node.patched(whole))
    assert same(restore_exact(stored), wanted)


def test_a_patch_keeps_its_nulls() -> None:
    node = NodeMetadata({"start": {"high": float("inf")}})
    stored = merged(node.created, node.patched({"stop": {"reason": None, "low": -math.inf}}))
    assert restore_exact(stored) == {
        "start": {"high": math.inf},
        "stop": {"reason": None, "low": -math.inf},
    }


def test_a_patch_forgets_what_it_replaces() -> None:
    node = NodeMetadata({"limits": [math.inf]})
    stored = merged(node.created, node.patched({"limits": [1.0]}))
    assert stored == {"limits": [1.0], "_exact": []}


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int16(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(2.5), 2.5),
        (np.float16([1.5]), [1.5]),
        ((1, (2,)), [1, [2]]),
        (Colour.RED, "red"),
        (datetime(2026, 1, 2), "2026-01-02T00:00:00"),
    ],
)
def test_what_has_a_json_form_is_stored_in_it(value: Any, plain: Any) -> None:
    assert same(make_exact({"value": value}), {"value": plain})


def test_infinities_in_arrays_are_kept_apart() -> None:
    exact = make_exact({"value": np.array([1.0, np.inf])})
    assert exact == {
        "value": [1.0, None],
        "_exact": [{"path": ["value", 1], "float": "inf"}],
    }


@pytest.mark.parametrize("value", [{1, 2}, 1j, object(), {1: "a"}, np.array([1j])])
def test_what_is_no_json_is_said_and_kept_as_its_repr(value: Any) -> None:
    exact = split_exact({"value": value})
    assert exact.plain == {"value": None}
    assert exact.entries == [{"path": ["value"], "repr": repr(value)}]
    assert "is no JSON data" in exact.refused[0]


def test_what_is_very_deep_comes_back() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = [deep]
    exact = make_exact({"deep": deep})
    assert restore_exact(exact) == {"deep": deep}
    assert exact["_exact"][0].keys() == {"path", "json"}


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert len(split_exact({"circle": circle}).refused) == 1
