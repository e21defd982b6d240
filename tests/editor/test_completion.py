from pathlib import Path

import pytest

from tests.editor.marked import HEADER, MARK, ON_V3, opened
from tiledmap.editor.completion import Completion, completions


def offered(body: str, header: str = ON_V3) -> dict[str, Completion]:
    document, index = opened(header + body)
    return {each.label: each for each in completions(document, index)}


@pytest.mark.parametrize(
    ("body", "some", "none"),
    [
        ("str▮", {"streams", "run", "assets"}, {"name", "key"}),
        ("run:\n  ▮\n", {"key", "parent", "specs"}, {"run", "data"}),
        ("run:\n  k▮\n  parent: []\n", {"key", "specs"}, {"parent"}),
        ("run: {key: a, ▮}\n", {"parent", "specs"}, {"key"}),
        ("run: {key: a, pa▮", {"parent"}, {"key"}),
        ("streams:\n  ▮\n", {"- name:"}, {"name"}),
        ("streams:\n  - ▮\n", {"name", "match", "data"}, set()),
        ("streams:\n  - name: x\n    data:\n      - name: y\n        ▮", {"store"}, {"name"}),
        ("run:\n  on_collision: ▮\n", {"resume", "suffix_uid", "refuse"}, {"stack"}),
        ("run:\n  on_collision: re▮\n", {"resume", "suffix_uid", "refuse"}, set()),
        (
            "repair:\n  data_keys:\n    - name: x\n      shape: {squeeze: ▮}",
            {"true", "false"},
            set(),
        ),
        ("streams:\n  - name: ▮\n", {"every-stream"}, {"scalars"}),
        (
            "streams:\n  - name: every-stream\n    data:\n      - name: files\n      - name: ▮",
            {"scalars", "ragged"},
            {"files", "every-stream"},
        ),
        (
            "streams:\n  - name: every-stream\n    data:\n      - {name: scalars, table: ▮",
            {"internal"},
            {"every-stream"},
        ),
        (
            "repair:\n  resources:\n    - {name: a, over: ▮}\n    - {name: b, match: {spec: X}}\n",
            {"b", "area-detector-tiff"},
            {"a"},
        ),
        ("assets:\n  - name: x\n    consolidator: ▮", {"hdf5", "tiff"}, {"stack"}),
        ("assets:\n  - name: x\n    match: {mimetype: ▮}", {"application/x-hdf5"}, set()),
        ("repair:\n  resources:\n    - name: x\n      match:\n        spec: ▮", {"AD_TIFF"}, set()),
        ("repair:\n  data_keys:\n    - name: x\n      dtype: ▮", {"int32"}, {"string"}),
        ("repair:\n  data_keys:\n    - name: x\n      match: {dtype: ▮", {"number"}, {"int32"}),
        ("repair:\n  data_keys:\n    - name: x\n      set:\n        ▮", {"units"}, {"uid"}),
        ("repair:\n  start:\n    - name: x\n      without:\n        ▮", {"scan_id"}, {"units"}),
        ("run:\n  metadata:\n    start:\n      copy: ▮", {"start"}, {"stop", "data_keys"}),
        ("run:\n  metadata:\n    stop:\n      copy: ▮", {"start", "stop"}, {"descriptor"}),
        ("run:\n  metadata:\n    copy: start\n    without:\n      ▮", {"uid"}, {"seq_num"}),
        ("streams:\n  - name: a\n    events:\n      without:\n        ▮", {"seq_num"}, {"scan_id"}),
        ("settings:\n  ▮", {"max_columns", "max_array_size"}, {"uid"}),
        ("source:\n  start:\n    required: [▮]", {"scan_id"}, {"seq_num"}),
        ("source:\n  start:\n    properties:\n      a: {type: ▮", {"string", "array"}, set()),
    ],
)
def test_what_fits_is_offered(body, some, none):
    found = offered(body)
    assert some <= found.keys()
    assert not none & found.keys()


@pytest.mark.parametrize(
    ("body", "some", "none"),
    [
        ("run:\n  key: ${{ ▮\n", {"start", "settings", "default"}, {"event", "stop"}),
        ("run:\n  key: ${{ start.▮ }}\n", {"uid", "scan_id"}, {"start", "seq_num"}),
        ("run:\n  key: ${{ slug(start.sc▮\n", {"scan_id", "uid"}, set()),
        ("run:\n  key: 'a_${{ start.▮", {"uid"}, set()),
        ("run:\n  key: ${{ start.hints.▮ }}\n", {"dimensions"}, {"uid"}),
        ("run:\n  key: ${{ settings.▮ }}\n", {"max_columns"}, {"uid"}),
        ("run:\n  specs:\n    prepend:\n      - when: ▮", {"start", "has"}, {"descriptor"}),
        ("run:\n  metadata:\n    stop:\n      x: ${{ ▮ }}", {"stop", "start"}, {"event"}),
        ("streams:\n  - name: x\n    when: ▮", {"descriptor"}, {"data_key"}),
        (
            "streams:\n  - name: a\n    data:\n      - name: x\n        when: data_key.▮",
            {"units", "ndim", "dtype_numpy"},
            {"uid"},
        ),
        (
            "streams:\n  - name: every-stream\n    tables:\n      - name: internal\n"
            "        columns:\n          - column: a\n            from: event.▮",
            {"seq_num", "time"},
            {"scan_id"},
        ),
        (
            "streams:\n  - name: every-stream\n    tables:\n      - name: internal\n"
            "        columns:\n          - keys: {stored: table}\n            from: ▮",
            {"value", "timestamp", "data_key"},
            {"resource"},
        ),
        (
            "repair:\n  resources:\n    - name: x\n      match: {spec: X}\n      mimetype: a/b\n"
            "      kwargs: {frames: {type: integer}}\n"
            "      parameters: {template: '${{ resource.resource_kwargs.▮'}",
            {"frames"},
            {"spec"},
        ),
        (
            "repair:\n  resources:\n    - name: x\n      parameters: {template: '${{ ▮'}",
            {"index", "resource"},
            {"datum"},
        ),
        (
            "source:\n  start:\n    properties:\n      people: {type: array, items: {type: object, "
            "properties: {orcid: {type: string}}}}\nrun:\n  specs:\n    prepend:\n"
            "      - each: default(start.people, [])\n        as: p\n        spec: ${{ p.▮ }}",
            {"orcid"},
            {"uid"},
        ),
    ],
)
def test_expressions_are_offered_what_is_in_scope(body, some, none):
    found = offered(body)
    assert some <= found.keys()
    assert not none & found.keys()


@pytest.mark.parametrize(
    "body",
    [
        "run:\n  key: a # start.▮\n",
        "run:\n  key: ${{ 'start.▮' }}\n",
        "run:\n  key: ${{ start.uid }}.▮\n",
        "run:\n  key: ${{ 1.▮ }}\n",
        "run:\n  key: ${{ nothing.▮ }}\n",
        "description: |\n  some words ▮\n",
        "title: ▮\n",
        "source:\n  start:\n    properties:\n      ▮",
    ],
)
def test_where_nothing_is_known_to_fit_nothing_is_offered(body):
    found = offered(body)
    assert not found.keys() & {"uid", "start", "has", "key", "name"}


def test_an_empty_file_begins_with_the_header():
    assert list(offered("▮", header=""))[:3] == ["tiledmap", "name", "version"]


def test_what_is_offered_says_what_it_is():
    field = offered("run:\n  key: ${{ start.sc▮ }}\n")["scan_id"]
    assert (field.kind, field.text, field.typed) == ("field", "scan_id", 2)
    assert field.detail == "integer, may be absent"
    assert "Scan ID number" in field.documentation

    function = offered("run:\n  key: ${{ ▮ }}\n")["slug"]
    assert (function.kind, function.text) == ("function", "slug(")
    assert function.detail == "slug(text: text) -> text"

    key = offered("run:\n  on▮\n")["on_collision"]
    assert (key.kind, key.text, key.typed) == ("keyword", "on_collision: ", 2)
    assert offered("run:\n  on▮: x\n")["on_collision"].text == "on_collision"

    rule = offered("streams:\n  - name: ▮\n")["every-stream"]
    assert rule.detail == "inherited, bluesky-v3.yaml"
    assert "```yaml" in rule.documentation


def test_fields_that_are_always_there_come_first():
    fields = list(offered("run:\n  key: ${{ start.▮ }}\n").values())
    assert [field.label for field in fields][:2] == ["time", "uid"]


def test_shipped_mappings_and_files_beside_this_one_can_be_extended(tmp_path: Path):
    (tmp_path / "common.yaml").write_text(f"{ON_V3}title: For all of us\n")
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    document, index = opened(f"{HEADER}extends: {MARK}\n", tmp_path / "beamline.yaml")
    found = {each.label: each for each in completions(document, index)}
    assert found["bluesky-v3"].text == "bluesky-v3@^3"
    assert found["./common.yaml"].documentation == "For all of us"
    assert "./compose.yaml" not in found
    assert "./beamline.yaml" not in found
