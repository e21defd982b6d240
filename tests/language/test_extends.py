from typing import Any

import pytest

from tiledmap.language.extends import merge, missing
from tiledmap.language.nodes import Mapping
from tiledmap.language.parse import parse_mapping
from tiledmap.language.render import plain
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import Problem

PARENT = """\
tiledmap: 1
name: parent
version: 1.0.0
title: The parent
profile: bluesky-v3
requires: {tiledmap: ">=0.1"}
source:
  event_model: ">=1.20"
  start:
    properties: {sample: {type: string}, edge: {type: string}}
    required: [sample]
settings:
  size: {type: integer, default: 5, help: How large}
repair:
  resources:
    - {name: one, mimetype: a/a, parameters: {x: 1}}
    - {name: two, mimetype: b/b}
run:
  key: ${{ start.uid }}
  specs: [{spec: BlueskyRun/3.0}]
  metadata: {copy: start}
streams:
  - name: every
    key: ${{ descriptor.uid }}
    data:
      - {name: files, match: {external: present}, store: files, key: f}
      - {name: scalars, store: table, table: internal}
    tables:
      - name: internal
        key: internal
        order: seq_num
        columns:
          - {column: a, from: value}
assets:
  - {name: hdf5, consolidator: hdf5, needs: [dataset]}
moved:
  - {was: a, now: b, since: 1.0.0}
hooks:
  h: {document: start, function: "a:b"}
"""
HEADER = "tiledmap: 1\nname: child\nversion: 2.0.0\n"


def parse(text: str, file: str) -> Mapping:
    source, problems = read_source(text, file)
    assert source is not None
    mapping, found = parse_mapping(source)
    assert mapping is not None
    assert not [*problems, *found]
    return mapping


def parent() -> Mapping:
    mapping, problems = merge(None, parse(PARENT, "parent.yaml"))
    assert not problems
    return mapping


def over(body: str) -> tuple[Mapping, list[Problem]]:
    return merge(parent(), parse(HEADER + body, "child.yaml"))


def merged(body: str) -> Any:
    mapping, problems = over(body)
    assert not problems, problems
    return plain(mapping)


def only_problem(body: str) -> Problem:
    (problem,) = over(body)[1]
    return problem


def names(rules: list[dict[str, Any]]) -> list[str]:
    return [rule["name"] for rule in rules]


def test_the_header_is_the_childs_and_the_profile_is_inherited() -> None:
    said = merged("description: New\n")
    assert (said["name"], said["version"], said["description"]) == ("child", "2.0.0", "New")
    assert "title" not in said
    assert said["profile"] == "bluesky-v3"


def test_a_child_that_says_nothing_inherits_everything() -> None:
    kept = {key: value for key, value in plain(parent()).items() if key != "title"}
    assert merged("") == {**kept, "name": "child", "version": "2.0.0"}


def test_both_ranges_of_versions_hold() -> None:
    said = merged('requires: {tiledmap: "<1"}\nsource: {event_model: ">=1.20"}\n')
    assert said["requires"]["tiledmap"] == ">=0.1,<1"
    assert said["source"]["event_model"] == ">=1.20"


def test_fields_are_added_to_the_source() -> None:
    start = merged(
        "source: {start: {properties: {sample: {minLength: 1}, mood: {type: string}},"
        " required: [edge]}}\n"
    )["source"]["start"]
    assert start["properties"] == {
        "sample": {"type": "string", "minLength": 1},
        "edge": {"type": "string"},
        "mood": {"type": "string"},
    }
    assert start["required"] == ["sample", "edge"]


def test_a_field_is_not_declared_in_two_ways() -> None:
    problem = only_problem("source: {start: {properties: {sample: {type: number}}}}\n")
    assert (problem.code, str(problem.span)) == ("TM027", "child.yaml:4:39")
    assert str(problem.notes[0].span) == "parent.yaml:10:26"


def test_a_setting_is_merged_field_by_field() -> None:
    said = merged("settings: {size: {default: 7}, new: {type: string, default: x}}\n")
    assert said["settings"] == {
        "size": {"type": "integer", "default": 7, "help": "How large"},
        "new": {"type": "string", "default": "x"},
    }


def test_a_leaf_rule_is_replaced_whole_and_in_its_place() -> None:
    resources = merged("repair: {resources: [{name: one, mimetype: c/c}]}\n")["repair"]["resources"]
    assert resources == [{"name": "one", "mimetype": "c/c"}, {"name": "two", "mimetype": "b/b"}]


def test_new_rules_go_first_in_their_own_order() -> None:
    said = merged(
        "assets: [{name: x, consolidator: npy}, {name: hdf5, consolidator: zarr},"
        " {name: y, consolidator: npy}]\n"
    )
    assert names(said["assets"]) == ["x", "y", "hdf5"]


def test_a_rule_is_removed_for_a_reason() -> None:
    said = merged("repair: {resources: [{name: one, remove: not used here}]}\n")
    assert names(said["repair"]["resources"]) == ["two"]


def test_a_rule_that_is_not_there_cannot_be_removed() -> None:
    problem = only_problem("streams: [{name: evry, remove: x}]\n")
    assert (problem.code, problem.hint) == ("TM024", "did you mean 'every'?")
    assert str(problem.span) == "child.yaml:4:18"


def test_a_stream_is_merged_field_by_field_and_its_rules_by_name() -> None:
    (stream,) = merged(
        "streams:\n  - name: every\n    parent: [streams]\n"
        "    data: [{name: arrays, store: array, key: a}, {name: files, drop: not needed}]\n"
        "    tables: [{name: internal, key: events}]\n"
    )["streams"]
    assert stream["parent"] == ["streams"]
    assert stream["key"] == "${{ descriptor.uid }}"
    assert names(stream["data"]) == ["arrays", "files", "scalars"]
    assert stream["data"][1] == {"name": "files", "drop": "not needed"}
    (table,) = stream["tables"]
    assert (table["key"], table["order"]) == ("events", "seq_num")


def test_dropping_a_stream_drops_its_inherited_layout() -> None:
    (stream,) = merged("streams: [{name: every, drop: nobody reads it}]\n")["streams"]
    assert stream == {"name": "every", "drop": "nobody reads it"}


def test_laying_out_a_stream_keeps_what_was_dropped() -> None:
    dropped, _ = over("streams: [{name: every, drop: nobody reads it}]\n")
    again, problems = merge(dropped, parse(HEADER + "streams: [{name: every, key: k}]\n", "c.yaml"))
    assert not problems
    assert plain(again)["streams"] == [{"name": "every", "key": "k"}]


def test_the_run_is_merged_field_by_field_and_its_metadata_replaced() -> None:
    run = merged("run: {parent: [smi], metadata: {note: x}}\n")["run"]
    assert run == {
        "parent": ["smi"],
        "key": "${{ start.uid }}",
        "specs": [{"spec": "BlueskyRun/3.0"}],
        "metadata": {"note": "x"},
    }


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ("[{spec: A}]", ["A"]),
        ("[]", []),
        ("{prepend: [{spec: A}]}", ["A", "BlueskyRun/3.0"]),
        ("{prepend: [{spec: A}], append: [{spec: B}]}", ["A", "BlueskyRun/3.0", "B"]),
    ],
)
def test_a_list_replaces_or_adds_to_the_inherited_one(specs: str, expected: list[str]) -> None:
    run = merged(f"run: {{specs: {specs}}}\n")["run"]
    assert [item["spec"] for item in run["specs"]] == expected


def test_adding_to_a_list_that_was_never_given_is_a_warning() -> None:
    mapping, (problem,) = over("run: {access_tags: {append: [{tag: a}]}}\n")
    assert (problem.code, str(problem.span)) == ("TM028", "child.yaml:4:7")
    assert plain(mapping)["run"]["access_tags"] == [{"tag": "a"}]


def test_a_rule_replaced_whole_has_no_list_to_add_to() -> None:
    body = "streams: [{name: every, data: [{name: files, store: files, specs: {append: []}}]}]\n"
    assert only_problem(body).code == "TM028"


def test_moves_are_appended_and_hooks_replaced_by_name() -> None:
    said = merged(
        'moved: [{was: c, now: d, since: 2.0.0}]\nhooks: {h: {function: "c:d"}, i: {help: x}}\n'
    )
    assert [move["was"] for move in said["moved"]] == ["a", "c"]
    assert said["hooks"] == {"h": {"function": "c:d"}, "i": {"help": "x"}}


def test_what_is_merged_keeps_the_places_of_both_files() -> None:
    mapping, _ = over(
        "run: {parent: [x], specs: {prepend: [{spec: A}]}}\n"
        "streams: [{name: every, tables: [{name: internal, key: events}]}]\n"
        "source: {start: {required: [edge]}}\n"
    )
    assert mapping.run is not None
    assert mapping.run.specs is not None
    assert mapping.run.specs.items is not None
    assert mapping.source is not None
    assert mapping.source.start is not None
    (table,) = mapping.streams[0].tables
    places = {
        "run.parent": mapping.run.at("parent"),
        "run.parent.0": mapping.run.at("parent.0"),
        "run.key": mapping.run.at("key"),
        "first spec": mapping.run.specs.items[0].at(),
        "last spec": mapping.run.specs.items[1].at(),
        "table.key": table.at("key"),
        "table.order": table.key_at("order"),
        "scalars": mapping.streams[0].data[1].at("name"),
        "required.0": mapping.source.start.at("required.0"),
        "required.1": mapping.source.start.at("required.1"),
        "assets": mapping.key_at("assets"),
    }
    assert {name: f"{span.file}:{span.line}" for name, span in places.items()} == {
        "run.parent": "child.yaml:4",
        "run.parent.0": "child.yaml:4",
        "run.key": "parent.yaml:19",
        "first spec": "child.yaml:4",
        "last spec": "parent.yaml:20",
        "table.key": "child.yaml:5",
        "table.order": "parent.yaml:31",
        "scalars": "parent.yaml:27",
        "required.0": "parent.yaml:11",
        "required.1": "child.yaml:6",
        "assets": "parent.yaml:34",
    }


def test_merging_changes_neither_mapping() -> None:
    first = parent()
    before = plain(first), first.streams[0].at("key")
    child = parse(HEADER + "streams: [{name: every, key: other}]\n", "child.yaml")
    merge(first, child)
    assert (plain(first), first.streams[0].at("key")) == before
    assert child.streams[0].data == ()


# ---------------------------------------------------------------- what a whole mapping has


def test_a_whole_mapping_lacks_nothing() -> None:
    assert missing(parent()) == []


@pytest.mark.parametrize(
    ("body", "lacks"),
    [
        ("streams: []\n", ["'run'"]),
        ("run: {key: a}\n", ["'streams'"]),
        ("run: {parent: []}\nstreams: []\n", ["'key'"]),
        ("run: {key: a}\nstreams: [{name: a}]\n", ["'key'", "'data'"]),
        ("run: {key: a}\nstreams: [{name: a, drop: live only}]\n", []),
        ("run: {key: a}\nstreams: [{name: a, key: k, data: [{name: b}]}]\n", ["'store' or 'drop'"]),
        (
            "run: {key: a}\nstreams: [{name: a, key: k, data: [{name: b, store: array},"
            " {name: c, store: table}], tables: [{name: d}]}]\n",
            ["'key'", "'table'", "'key'", "'columns'"],
        ),
        ("run: {key: a}\nstreams: []\nassets: [{name: a}]\n", ["'consolidator' or 'refuse'"]),
        (
            "run: {key: a}\nstreams: [{name: b, key: k, data: [{name: c, drop: no need}],"
            " coordinates: [{name: d}]}]\n",
            ["'key'", "'from'"],
        ),
        (
            "run: {key: a}\nstreams: []\nrepair: {data_keys: [{name: b, shape: {}}]}\n",
            ["'lengths' or 'squeeze' or 'clamp' or 'pad_left'"],
        ),
        ("run: {key: a}\nstreams: []\nsettings: {a: {help: x}}\n", ["'type'", "'default'"]),
        ("run: {key: a}\nstreams: []\nhooks: {a: {help: x}}\n", ["'document'", "'function'"]),
        (
            "run: {key: a}\nstreams: []\nrepair: {roots: [{name: a}], data_keys: [{name: b}]}\n",
            [
                "'prefix'",
                "'becomes'",
                "'dtype' or 'shape' or 'dims' or 'units' or 'set' or 'rename' or 'drop'",
            ],
        ),
    ],
)
def test_what_a_mapping_lacks_is_named(body: str, lacks: list[str]) -> None:
    problems = missing(parse(HEADER + body, "child.yaml"))
    assert {problem.code for problem in problems} <= {"TM011"}
    assert [problem.message.partition("lacks ")[2] for problem in problems] == lacks


def test_what_was_written_but_not_read_is_not_missing() -> None:
    source, _ = read_source(HEADER + "run: {key: [a]}\nstreams: {}\n")
    assert source is not None
    mapping, problems = parse_mapping(source)
    assert mapping is not None
    assert [problem.code for problem in problems] == ["TM009", "TM009"]
    assert missing(mapping) == []
