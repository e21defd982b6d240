"""Generated modules: what they say, what they import, and how they look."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tiledmap
from tests.golden import assert_golden
from tiledmap.api import shipped
from tiledmap.runtime import API_VERSION, EXPORTED, AssetRule, Refused, fallback
from tiledmap.testing.interpreter import interpret

VALID = Path(__file__).parents[1] / "mappings" / "valid"
GOLDEN = Path(__file__).parent / "golden"
NAMES = ["haven", "everything", "smi"]


@pytest.fixture(autouse=True)
def facility(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `everything` loads lies beside it."""
    monkeypatch.syspath_prepend(VALID)


def all_modules() -> list[tiledmap.LoadedMapping]:
    return [
        *(tiledmap.load(VALID / f"{name}.yaml") for name in NAMES),
        *(tiledmap.load(mapping.name) for mapping in shipped()),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_module_and_the_plan_are_as_expected(name: str) -> None:
    mapping = tiledmap.load(VALID / f"{name}.yaml")

    assert_golden(GOLDEN / f"{name}.py.txt", mapping.compile())
    assert_golden(GOLDEN / f"{name}.plan.txt", mapping.show())


def test_the_fallback_layout_is_bluesky_v3() -> None:
    command = "tiledmap compile bluesky-v3 -o tiledmap/runtime/fallback.py"

    assert Path(fallback.__file__).read_text() == tiledmap.load("bluesky-v3").compile(), (
        f"the fallback layout is not current; run: {command}"
    )


def test_modules_are_formatted_as_ruff_formats(tmp_path: Path) -> None:
    for number, mapping in enumerate(all_modules()):
        (tmp_path / f"module_{number}.py").write_text(mapping.compile())

    # A hole of the mapping may be longer than a line; whatever can be divided is, by `format`.
    rules = ["--select", "E,F,I,W,B", "--ignore", "E501"]
    for command in (["format", "--check", "--diff"], ["check", *rules]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "100"]
        done = subprocess.run([*ruff, tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_modules_import_the_runtime_and_nothing_else() -> None:
    for mapping in all_modules():
        imports = [
            node
            for node in ast.walk(ast.parse(mapping.compile()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        ours = [node for node in imports if isinstance(node, ast.ImportFrom)]
        others = [node for node in imports if isinstance(node, ast.Import)]

        assert [node.module for node in ours] == ["tiledmap.runtime"]
        assert {alias.name for node in ours for alias in node.names} <= set(EXPORTED)
        assert {alias.name for node in others for alias in node.names} <= {"re"}


def test_the_text_does_not_depend_on_hash_seeds_or_on_where_it_is_made(tmp_path: Path) -> None:
    program = f"import tiledmap; print(tiledmap.load({str(VALID / 'haven.yaml')!r}).compile())"
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=directory,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed, directory in [("1", tmp_path), ("2", Path.cwd())]
    }

    assert len(texts) == 1
    assert str(VALID) not in texts.pop()


def test_a_module_of_another_interface_is_refused() -> None:
    source = tiledmap.load("bluesky-v3").compile()
    old = source.replace(f"require_api({API_VERSION})", f"require_api({API_VERSION + 1})")

    with pytest.raises(ImportError, match="compile its mapping again"):
        exec(compile(old, "old_writer.py", "exec"), {})


def compiled(tmp_path: Path, mapping: dict[str, object]) -> tiledmap.LoadedMapping:
    """A mapping that extends bluesky-v3 with what is given."""
    file = tmp_path / "mapping.yaml"
    header = {"tiledmap": 1, "name": "m", "version": "1.0.0", "extends": "bluesky-v3@^3"}
    file.write_text(yaml.safe_dump({**header, **mapping}))
    return tiledmap.load(file)


def test_what_becomes_of_an_unfinished_run_is_compiled_where_it_is_not_left(tmp_path: Path) -> None:
    silent, left, closed = (
        compiled(tmp_path, {"run": run})
        for run in ({}, {"unfinished": "leave"}, {"unfinished": "close"})
    )

    for mapping, unfinished in [(silent, "leave"), (left, "leave"), (closed, "close")]:
        assert mapping.layout.run.unfinished == unfinished
        assert interpret(mapping.plan).run.unfinished == unfinished
        assert ("unfinished" in mapping.compile()) is (unfinished == "close")
        assert ("unfinished: close" in mapping.show()) is (unfinished == "close")


def test_text_of_a_user_is_only_ever_a_literal(tmp_path: Path) -> None:
    evil = '"""\nimport os\nos._exit(3)\n"""\\ {start} %s'
    mapping = compiled(
        tmp_path,
        {
            "title": evil,
            "run": {"metadata": {"start": {"copy": "start"}, "stop": {"copy": "stop"}, "e": evil}},
        },
    )

    run = mapping.preview([("start", {"uid": "u", "time": 0.0})]).tree[("u",)]

    assert run.metadata["e"] == evil


KINDS = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize("name", ["slug", "specs", "default", "Spec", "str"])
def test_an_item_may_have_the_name_of_anything(tmp_path: Path, name: str) -> None:
    mapping = compiled(
        tmp_path,
        {
            "source": {"start": {"properties": {"kinds": KINDS}}},
            "run": {
                "specs": [
                    {
                        "each": "default(start.kinds, [])",
                        "as": name,
                        "spec": f"${{{{ slug({name}) }}}}_${{{{ {name} }}}}",
                    },
                    {"spec": "BlueskyRun/3.0"},
                ]
            },
        },
    )

    start = {"uid": "u", "time": 0.0, "kinds": ["a b"]}
    run = mapping.preview([("start", start)]).tree[("u",)]

    assert [str(spec) for spec in run.specs] == ["a_b_a b", "BlueskyRun/3.0"]


EVENT_FIELDS = ["uid", "descriptor", "filled", "seq_num", "time", "timestamps"]
PRIMARY = {
    "uid": "d",
    "run_start": "u",
    "time": 0.0,
    "name": "primary",
    "data_keys": {"x": {"source": "s", "dtype": "number", "shape": []}},
}
NAMES_OF_OURS = ["layout", "writer", "select-stream", "pattern_1", "class", "run", "re", "optional"]


@pytest.mark.parametrize("name", NAMES_OF_OURS)
def test_a_rule_may_have_the_name_of_anything(tmp_path: Path, name: str) -> None:
    mapping = compiled(
        tmp_path,
        {
            "profile": "free",
            "streams": [
                {
                    "name": name,
                    "when": "matches(default(descriptor.name, ''), '^pri')",
                    "key": "named_${{ default(descriptor.name, '') }}",
                    "metadata": {"copy": "descriptor"},
                    "events": {"without": dict.fromkeys(EVENT_FIELDS, "not asked for")},
                    "data": [{"name": name, "drop": "not asked for"}],
                }
            ],
        },
    )

    tree = mapping.preview([("start", {"uid": "u", "time": 0.0}), ("descriptor", PRIMARY)]).tree

    assert ("u", "named_primary") in tree


def test_specs_of_a_data_rule_can_depend_on_the_data_key(tmp_path: Path) -> None:
    specs = [
        {"spec": "Large", "when": "data_key.size > 100"},
        {"spec": "Of_${{ where }}", "each": "['hutch', data_key.name]", "as": "where"},
    ]
    rule = {
        "name": "numbers",
        "match": {"dtype": "number", "external": "absent"},
        "store": "array",
        "key": "${{ data_key.name }}",
        "specs": specs,
    }
    mapping = compiled(tmp_path, {"streams": [{"name": "every-stream", "data": [rule]}]})
    event = {"uid": "e", "descriptor": "d", "time": 0.0, "seq_num": 1}
    event |= {"data": {"x": 1.0}, "timestamps": {"x": 0.0}}

    documents = [("start", {"uid": "u", "time": 0.0}), ("descriptor", PRIMARY), ("event", event)]
    node = mapping.preview(documents).tree[("u", "primary", "x")]

    assert [str(spec) for spec in node.specs] == ["Of_hutch", "Of_x"]


def test_each_repair_of_a_start_sees_what_the_ones_before_it_did(tmp_path: Path) -> None:
    mapping = compiled(
        tmp_path,
        {
            "source": {"start": {"properties": {"edge": {"type": "string"}}}},
            "repair": {
                "start": [
                    {"name": "one", "set": {"edge": "K"}, "reason": "forgotten"},
                    {
                        "name": "two",
                        "when": "has(start.edge)",
                        "set": {"of": "${{ default(start.edge, '') }}"},
                        "reason": "asked for",
                    },
                ]
            },
        },
    )

    run = mapping.preview([("start", {"uid": "u", "time": 0.0})]).tree[("u",)]

    assert run.metadata["start"] == {"uid": "u", "time": 0.0, "edge": "K", "of": "K"}


def files_of(mapping: tiledmap.LoadedMapping, kwargs: dict[str, object], spec: str = "OWN") -> dict:
    """The parameters that repairs of resources give, one after the other."""
    resource = {
        "uid": "r",
        "spec": spec,
        "root": "/",
        "resource_path": "",
        "resource_kwargs": kwargs,
    }
    start = {"uid": "u", "time": 0.0}
    given: dict = {}
    for rule in mapping.layout.repairs.resources:
        if rule.matches(start, resource):
            given |= {"mimetype": rule.mimetype, **rule.parameters(start, resource)}
    return given


def test_a_template_is_a_function_of_the_number_of_a_file(tmp_path: Path) -> None:
    parameters = {
        "template": "/${{ resource.resource_kwargs.stem }}_${{ pad(index, 4) }}.tif",
        "deep": {"texts": ["${{ upper(resource.spec) }}", "${{ resource.spec }}"]},
        "at_once": "${{ resource.resource_kwargs.stem }}",
    }
    rule = {
        "name": "own",
        "match": {"spec": "OWN"},
        "mimetype": "multipart/related;type=image/tiff",
        "kwargs": {"stem": {"type": "string"}},
        "parameters": parameters,
        "reason": "so it is",
    }
    mapping = compiled(tmp_path, {"repair": {"resources": [rule]}})
    given = files_of(mapping, {"stem": "abc"}, "Own")

    assert [given["template"](number) for number in (0, 12)] == ["/abc_0000.tif", "/abc_0012.tif"]
    assert given["deep"] == {"texts": ["OWN", "Own"]}
    assert given["at_once"] == "abc"
    assert mapping.layout.repairs.resources[0].kwargs == {
        "properties": {"stem": {"type": "string"}},
        "required": ["stem"],
    }


@pytest.mark.parametrize(
    ("spec", "kwargs", "dataset"),
    [
        ("AD_HDF5_SWMR", {}, "/entry/data/data"),
        ("ad_hdf5", {"dataset": "entry/other"}, "entry/other"),
        ("HDF5", {"path": "a/b", "dataset": "entry/other"}, "a/b"),
        ("XSP3", {"dataset": None}, "/entry/instrument/detector/data"),
        ("PIL100K_HDF5", {}, None),
    ],
)
def test_bluesky_v3_knows_where_specs_keep_their_frames(
    spec: str, kwargs: dict[str, object], dataset: str | None
) -> None:
    given = files_of(tiledmap.load("bluesky-v3"), kwargs, spec)
    assert given.pop("mimetype") == "application/x-hdf5"
    assert given.get("dataset") == dataset


def test_every_spec_of_tiledwriter_stands_for_the_same_mimetype() -> None:
    from bluesky_tiled_plugins.writing.tiled_writer import MIMETYPE_LOOKUP

    mapping = tiledmap.load("bluesky-v3")
    found = {spec: files_of(mapping, {}, spec).get("mimetype") for spec in MIMETYPE_LOOKUP}
    # Its text files have a header of their own, which no consolidator reads, theirs neither.
    assert found.pop("PIZZABOX_ENC_FILE_TXT_PD") is None
    assert found == {spec: MIMETYPE_LOOKUP[spec] for spec in found}


def test_an_item_s_name_may_be_a_document_s_elsewhere(tmp_path: Path) -> None:
    mapping = compiled(
        tmp_path,
        {
            "run": {
                "specs": [
                    {
                        "each": "default(start.tiled_specs, [])",
                        "as": "data_key",
                        "spec": "${{ data_key }}",
                    },
                    {"spec": "BlueskyRun/3.0"},
                ]
            }
        },
    )
    stream = mapping.layout.select_stream({"uid": "u"}, {"name": "primary"})
    data_key = {"name": "x", "dtype": "number", "dtype_numpy": "<f8", "shape": [], "source": "s"}
    assert stream.store({}, {}, data_key).table == "internal"
    assert [spec.name for spec in mapping.layout.run.specs({"tiled_specs": ["A"]})] == [
        "A",
        "BlueskyRun",
    ]


def test_assets_are_read_refused_or_given_files_beside_their_own(tmp_path: Path) -> None:
    pizza = {
        "name": "pizza",
        "match": {"mimetype": "application/x-pizza"},
        "consolidator": "bytes",
        "sidecars": [
            {"parameter": "config", "uri": "${{ removesuffix(stream_resource.uri, '.bin') }}.txt"}
        ],
        "structure_from": "file",
    }
    select = compiled(tmp_path, {"assets": [pizza]}).layout.select_asset
    assert select is not None
    resource = {"mimetype": "application/x-pizza", "uri": "file:///a/b.bin"}
    rule = select({}, resource)
    assert isinstance(rule, AssetRule)
    (sidecar,) = rule.sidecars
    assert (sidecar.parameter, sidecar.uri({}, resource)) == ("config", "file:///a/b.txt")
    assert rule.structure_from == "file"

    refused = select({}, {**resource, "mimetype": "text/x-unknown"})
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("no consolidator reads text/x-unknown")
