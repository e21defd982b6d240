import subprocess
import sys
from pathlib import Path

import pytest

import tiledmap.runtime as runtime
from tests.runtime.layouts import LAYOUT, key, start, stop
from tiledmap.runtime import (
    Spec,
    change,
    like,
    load_function,
    only,
    open_writer,
    parse_spec,
    require_api,
    shaped,
    without,
)
from tiledmap.runtime.documents import declared, describe, standard_descriptor
from tiledmap.runtime.notes import Notes
from tiledmap.sinks.memory import MemorySink


def test_every_exported_name_is_there() -> None:
    assert list(runtime.EXPORTED) == sorted(runtime.EXPORTED)
    assert all(hasattr(runtime, name) for name in runtime.EXPORTED)


def test_importing_the_runtime_loads_nothing_heavy() -> None:
    code = (
        "import sys, tiledmap.runtime\n"
        "heavy = {'tiled', 'pandas', 'yaml', 'pydantic', 'jinja2', 'event_model', 'jsonschema'}\n"
        "ours = {'language', 'check', 'plan', 'codegen', 'cli', 'sinks', 'api', 'problems'}\n"
        "print(sorted(heavy & set(sys.modules)), "
        "sorted(name for name in ours if f'tiledmap.{name}' in sys.modules))"
    )
    root = Path(runtime.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] []\n"


def test_a_module_made_for_another_version_is_refused() -> None:
    require_api(runtime.API_VERSION)
    with pytest.raises(ImportError, match="compile its mapping again"):
        require_api(runtime.API_VERSION + 1)


def test_a_writer_can_be_opened_on_a_sink() -> None:
    sink = MemorySink()
    with open_writer(LAYOUT, sink, fallback=LAYOUT) as writer:
        writer("start", start())
        writer("stop", stop())
    assert sink.tree[("run-1",)].closed


def test_specs_are_written_with_or_without_a_version() -> None:
    assert parse_spec("BlueskyRun/3.0") == Spec("BlueskyRun", "3.0")
    assert parse_spec("composite") == Spec("composite")


def test_globs_compare_upper_and_lower_case_and_match_nothing_absent() -> None:
    assert like("pilatus_image", "eiger*", "pil*_image")
    assert not like("Pilatus", "pil*")
    assert not like(None, "*")


def test_shapes_are_scalar_fixed_or_ragged() -> None:
    kinds = {
        shape: [kind for kind in ("scalar", "fixed", "ragged") if shaped(shape, kind)]
        for shape in [(), (3,), (3, None)]
    }
    assert kinds == {(): ["scalar"], (3,): ["fixed"], (3, None): ["ragged"]}


def test_documents_are_copied_in_part() -> None:
    document = {"a": 1, "b": 2}
    assert without(document, "a", "c") == {"b": 2}
    assert only(document, "a", "c") == {"a": 1}
    changed = change({**document, "c": 3}, without=["b"], rename={"a": "x"}, set={"c": 4})
    assert changed == {"x": 1, "c": 4}


def test_functions_are_found_by_reference() -> None:
    assert load_function("os.path:join")("a", "b") == str(Path("a", "b"))


def test_a_data_key_is_described_with_derived_fields_and_without_them_again() -> None:
    given = key("array", (3, None, 2), object_name="det", dtype_numpy="<i4")
    described = describe("x", given)
    assert described == {**given, "name": "x", "size": 0, "ndim": 3, "device": "det"}
    assert declared(described) == given


def test_old_descriptors_are_read_in_the_newest_form() -> None:
    old = {
        "uid": "d",
        "data_keys": {
            "a": {"dtype": "number", "shape": None, "dtype_str": "<i4"},
            "b": {"dtype": "array", "shape": [1], "dtype_descr": [("x", "<f8")], "external": None},
        },
        "object_keys": {"det": ["a", "gone"]},
        "configuration": {"det": {"data": {}, "data_keys": {"c": {"dtype": "boolean"}}}, "no": {}},
    }
    assert standard_descriptor(old) == {
        **old,
        "data_keys": {
            "a": {"dtype": "number", "shape": (), "dtype_numpy": "<i4", "object_name": "det"},
            "b": {"dtype": "array", "shape": [1], "dtype_numpy": [["x", "<f8"]], "external": ""},
        },
        "configuration": {
            "det": {"data": {}, "data_keys": {"c": {"dtype": "boolean", "dtype_numpy": "|b1"}}},
            "no": {},
        },
    }


def test_notes_are_kept_once_and_counted_beyond_a_hundred() -> None:
    notes = Notes()
    assert [notes.add("a"), notes.add("a"), notes.add("b", "topic"), notes.add("c", "topic")] == [
        True,
        False,
        True,
        False,
    ]
    for number in range(100):
        notes.add(str(number), "topic")
    assert len(notes.texts()) == 102
    assert notes.texts()[-1] == "topic: 2 more like these"


@pytest.mark.parametrize("client", [Path("catalog"), b"http://localhost", None])
def test_what_nothing_can_be_written_to_is_refused(client: object) -> None:
    with pytest.raises(TypeError, match="is no Tiled client, no address of a server and no sink"):
        open_writer(LAYOUT, client)


def test_a_key_is_for_an_address() -> None:
    with pytest.raises(TypeError, match="api_key is for the address of a server"):
        open_writer(LAYOUT, MemorySink(), api_key="key")
