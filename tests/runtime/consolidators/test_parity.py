"""The same data source as the consolidators of bluesky-tiled-plugins, wherever theirs is right."""

import warnings
from copy import deepcopy
from typing import Any

import numpy as np
from bluesky_tiled_plugins.writing.consolidators import consolidator_factory
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.runtime.consolidators.making import (
    MIMETYPES,
    asset_rule,
    data_source,
)
from tiledmap.runtime.consolidators import (
    Consolidator,
    Declared,
    FileResource,
    Part,
    open_consolidator,
)
from tiledmap.runtime.consolidators.structure import is_of_frames

TEMPLATES = ["%s%s_%6.6d.tiff", "/%s_%03d.tiff", "_{:d}.bin", "/det_{:06d}.jpg", "%s_%d.npy"]


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[dict[str, Any]], list[list[int]]]:
    """A kind, a data key, stream resources, and how many datums each of their stream datums has."""
    kind = draw(st.sampled_from(["hdf5", "tiff", "jpeg", "npy", "csv", "bytes"]))
    frame = draw(st.lists(st.integers(1, 6), max_size=3))
    data_key: dict[str, Any] = {"source": "s", "dtype": "array", "shape": frame, "external": "x"}
    data_key["dtype_numpy"] = draw(
        st.sampled_from(["<f8", "|u1", ">i4", "<U3", [["a", "<i4"], ["b", "<f8"]]])
    )
    # Names with a `time` before them, which must not be among them.
    if draw(st.booleans()):
        data_key["dims"] = [f"axis_{place}" for place in range(len(frame))]
    parameters: dict[str, Any] = {}
    if kind == "hdf5":
        parameters["dataset"] = "/entry/data"
        parameters |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "swmr": st.booleans(),
                    "locking": st.none() | st.booleans(),
                    "slice": st.sampled_from(["", "(:,0)"]),
                    "squeeze": st.booleans(),
                },
            )
        )
    if kind in ("tiff", "jpeg") or (kind in ("hdf5", "bytes") and draw(st.booleans())):
        parameters["template"] = draw(st.sampled_from(TEMPLATES))
    parameters |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "filename": st.sampled_from(["abc", "a b"]),
                "spec": st.sampled_from(["AD_TIFF", "XSP3"]),
                "join_method": st.sampled_from(["stack", "concat"]),
                "join_chunks": st.booleans(),
                "multiplier": st.integers(1, 4),
                "chunk_shape": st.lists(st.integers(1, 5), max_size=3),
                "sep": st.just(";"),
                "nrows": st.just(7),
            },
        )
    )
    if kind == "npy":  # theirs gives its own, whatever documents say
        parameters.pop("chunk_shape", None)
    several = kind == "hdf5" or "%s" in parameters.get("template", "")
    count = draw(st.integers(1, 3)) if several and kind not in ("csv", "npy") else 1
    # Theirs keeps the first resource's URI for the files of all others: only names may differ.
    named = "template" in parameters
    end = draw(st.sampled_from(["", "/"])) if named else ""
    resources = [
        {
            "uid": f"r{number}",
            "data_key": "img",
            "mimetype": MIMETYPES[kind],
            "uri": f"file://localhost/data/{'' if named else number}x{end}",
            "parameters": {**parameters, **({"filename": f"n{number}"} if count > 1 else {})},
        }
        for number in range(count)
    ]
    datums = [draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)) for _ in resources]
    return kind, data_key, resources, datums


def theirs(data_key: dict[str, Any], resources: Any, datums: Any) -> tuple[Any, dict[str, Any]]:
    descriptor: Any = {"data_keys": {"img": data_key}}
    consolidator: Any = None
    index = 0
    for resource, counts in zip(deepcopy(resources), datums, strict=True):
        if consolidator is None:
            consolidator = consolidator_factory(resource, descriptor)
        else:
            consolidator.update_from_stream_resource(resource)
        for count in counts:
            indices = {"start": index, "stop": index + count}
            consolidator.consume_stream_datum({"indices": indices, "seq_nums": indices})
            index += count
    return consolidator.get_data_source(), consolidator.metadata


def dtype_of(data_key: dict[str, Any]) -> np.dtype[Any]:
    given = data_key["dtype_numpy"]
    return np.dtype(given if isinstance(given, str) else list(map(tuple, given)))


def ours(
    kind: str, data_key: dict[str, Any], resources: Any, datums: Any
) -> tuple[Consolidator, Any]:
    declared = Declared(
        "img", tuple(data_key["shape"]), dtype_of(data_key), tuple(data_key.get("dims", ()))
    )
    files = [FileResource(**each) for each in resources]
    consolidator = open_consolidator(asset_rule(kind), files[0], declared, ("time", "..."))
    for other in files[1:]:
        consolidator.accept(other)
    parts = [Part(each, ((0, sum(counts)),)) for each, counts in zip(files, datums, strict=True)]
    return consolidator, consolidator.source(parts)


@settings(max_examples=400, deadline=None)
@given(documents())
def test_the_same_data_source(drawn: Any) -> None:
    kind, data_key, resources, datums = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected, metadata = theirs(data_key, resources, datums)
        except (ValueError, IndexError, NotImplementedError):
            assume(False)
    consolidator, source = ours(kind, data_key, resources, datums)
    found = data_source(source)
    assert consolidator.metadata == metadata
    assert found.mimetype == expected.mimetype
    assert found.structure_family == expected.structure_family
    assert found.parameters == expected.parameters
    assert found.management == expected.management
    if has_right_assets(kind, resources, consolidator):
        assert found.assets == expected.assets
    if kind != "bytes" and not has_wrong_rank(kind, data_key, consolidator):
        assert found.structure.data_type == expected.structure.data_type
        assert found.structure.shape == expected.structure.shape
        if has_right_chunks(kind, consolidator, source):
            # Tiled reads files of a sequence whole: theirs may be chunked further.
            count = 1 if kind in ("tiff", "jpeg", "npy") else None
            assert found.structure.chunks[:count] == expected.structure.chunks[:count]
        if expected.structure.dims and len(expected.structure.dims) == len(source.shape):
            assert found.structure.dims == expected.structure.dims
        if expected.properties:
            assert found.properties == expected.properties


def has_right_assets(kind: str, resources: Any, consolidator: Consolidator) -> bool:
    """Theirs loses a slash before areaDetector's names, lists one file of bytes many times, has a
    file for each number of a list, and takes chunks for those of frames only if they are whole.
    """
    template = consolidator.parameters.get("template", "")
    lost = template.startswith("%s%s") and any(not each["uri"].endswith("/") for each in resources)
    of_lists = kind != "bytes" and consolidator.numbered and len(consolidator.datum_shape) == 1
    chunk, datum = consolidator.chunk_shape, consolidator.datum_shape
    of_parts = is_of_frames(chunk, consolidator.array_shape(0), datum) and chunk[1:] != datum[1:]
    return not (lost or of_lists or of_parts) and not (kind == "bytes" and not template)


def has_wrong_rank(kind: str, data_key: dict[str, Any], consolidator: Consolidator) -> bool:
    """Theirs chunks a one-dimensional array of NPY files in two dimensions, and fails."""
    return kind == "npy" and data_key["shape"] == [1]


def has_right_chunks(kind: str, consolidator: Consolidator, source: Any) -> bool:
    """Whether theirs can be read chunk by chunk: text only by file, frames only as frames."""
    if kind == "csv":
        return not consolidator.chunk_shape
    return not is_of_frames(consolidator.chunk_shape, source.shape, consolidator.datum_shape)
