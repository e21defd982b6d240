from typing import Any

import numpy as np
import pytest

from tests.runtime.conftest import Store
from tests.runtime.layouts import descriptor, event, key, start, stop, with_stream
from tiledmap.runtime.layout import Coordinate
from tiledmap.runtime.ops import Spec

PRIMARY = ("run-1", "primary")


def energies(**changes: Any) -> Coordinate:
    fields: dict[str, Any] = {
        "path": lambda start, descriptor: ("energy",),
        "value": lambda start, descriptor: descriptor["configuration"]["xs"]["data"].get("bins"),
        "at": "m.yaml:20",
        **changes,
    }
    return Coordinate("energy", **fields)


def documents(bins: Any) -> list[tuple[str, Any]]:
    configuration = {"xs": {"data": {"bins": bins}, "timestamps": {}, "data_keys": {}}}
    return [
        ("start", start()),
        ("descriptor", descriptor({"x": key()}, configuration=configuration)),
        ("event", event(1, {"x": 1.0})),
        ("stop", stop()),
    ]


def test_a_coordinate_is_an_array_of_its_own(stored: Store) -> None:
    layout = with_stream(
        coordinates=(
            energies(
                type="float32",
                specs=lambda start, descriptor: (Spec("Axis"),),
                metadata=lambda start, descriptor: {"units": "eV"},
            ),
        )
    )

    node = stored(documents([10, 20, 30]), layout).tree[(*PRIMARY, "energy")]

    assert node.data is not None
    np.testing.assert_array_equal(node.data, np.array([10, 20, 30], "f4"))
    assert node.data.dtype == np.dtype("f4")
    assert (node.dims, node.specs, node.metadata) == (("energy",), (Spec("Axis"),), {"units": "eV"})


def test_a_descriptor_without_it_has_none(stored: Store) -> None:
    sink = stored(documents(None), with_stream(coordinates=(energies(),)))

    assert (*PRIMARY, "energy") not in sink.tree
    assert "notes" not in sink.tree[("run-1",)].metadata


@pytest.mark.parametrize(
    ("bins", "changes", "words"),
    [
        ([[1], [1, 2]], {}, "ValueError"),
        (["a", None], {}, "its value is no array of numbers or texts"),
        ([], {}, "its value is no array of numbers or texts"),
        (5, {}, "its value is no array of numbers or texts"),
        ([[1, 2], [3, 4]], {"dims": ("x",)}, "it has 2 dimensions, and 1 names for them"),
        (["a"], {"type": "float64"}, "ValueError: could not convert string to float"),
    ],
)
def test_what_is_no_coordinate_is_said_and_the_rest_is_stored(
    stored: Store, bins: Any, changes: dict[str, Any], words: str
) -> None:
    sink = stored(documents(bins), with_stream(coordinates=(energies(**changes),)))

    (note,) = sink.tree[("run-1",)].metadata["notes"]
    assert note.startswith("stream 'primary': coordinate 'energy' is not stored: ")
    assert words in note
    assert "m.yaml:20" in note
    assert (*PRIMARY, "internal") in sink.tree


def test_a_coordinate_may_lie_in_a_container(stored: Store) -> None:
    layout = with_stream(coordinates=(energies(path=lambda start, descriptor: ("axes", "energy")),))

    sink = stored(documents([1.0]), layout)

    assert sink.tree[(*PRIMARY, "axes")].family == "container"
    assert sink.tree[(*PRIMARY, "axes", "energy")].dims == ("energy",)
