import os
import subprocess
import sys
from pathlib import Path

import pytest

from tiledmap.language.extends import merge
from tiledmap.language.load import MAX_DEPTH, Link, Resolved, render, resolve
from tiledmap.language.nodes import Mapping
from tiledmap.language.parse import parse_mapping
from tiledmap.language.render import plain
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import Problem
from tiledmap.resources import shipped_mappings

VALID = Path(__file__).parents[1] / "mappings/valid"
HEADER = "tiledmap: 1\nname: {}\nversion: 1.0.0\n"
LAYOUT = """\
run: {key: "${{ start.uid }}"}
streams: [{name: all, key: k, data: [{name: d, store: array, key: k}]}]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for each test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, body: str) -> Path:
    path = Path(f"{name}.yaml")
    path.write_text(HEADER.format(path.stem) + body)
    return path


def good(source: str | Path, **options: object) -> Resolved:
    resolved = resolve(source, **options)  # type: ignore[arg-type]
    assert not resolved.problems, resolved.problems
    return resolved


def mapping_of(resolved: Resolved) -> Mapping:
    assert resolved.mapping is not None
    return resolved.mapping


def only_problem(source: str | Path, **options: object) -> Problem:
    (problem,) = resolve(source, **options).problems  # type: ignore[arg-type]
    return problem


# ---------------------------------------------------------------- what is found


@pytest.mark.parametrize("name", sorted(shipped_mappings()))
def test_a_shipped_mapping_is_found_by_its_name(name: str) -> None:
    resolved = good(name)
    assert mapping_of(resolved).name == name
    assert resolved.chain[0].file == f"{name}.yaml"


def test_a_file_extends_files_and_shipped_mappings() -> None:
    resolved = good(VALID / "smi-dev.yaml")
    assert [link.name for link in resolved.chain] == ["smi-dev", "smi", "bluesky-v3"]
    assert resolved.chain[2] == Link("bluesky-v3", "3.1.0", "bluesky-v3.yaml")
    assert resolved.settings == {
        "max_array_size": 0,
        "max_columns": 900,
        "data_root": "./data/smi",
    }


def test_nothing_inherited_is_left() -> None:
    mapping = mapping_of(good(VALID / "smi.yaml"))
    assert "extends" not in mapping.given
    assert mapping.run is not None
    assert mapping.run.specs is not None
    assert [item.spec.source for item in mapping.run.specs.items or ()] == [
        "XASRun/1.0",
        "${{ extra }}",
        "BlueskyRun/3.0",
    ]


def test_a_file_is_named_as_it_was_reached() -> None:
    Path("a/b").mkdir(parents=True)
    write("a/top", LAYOUT)
    write("a/b/child", "extends: ../top.yaml\n")
    resolved = good("a/b/child.yaml")
    assert [file.file for file in resolved.files] == ["a/b/child.yaml", "a/top.yaml"]
    assert resolved.texts["a/top.yaml"] == Path("a/top.yaml").read_text()


def test_a_package_carries_mappings(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = here / "beamline_mappings"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.yaml").write_text(HEADER.format("base") + LAYOUT)
    monkeypatch.syspath_prepend(str(here))
    resolved = good(write("child", "extends: beamline_mappings:base.yaml@~1.0\n"))
    assert resolved.chain[1] == Link("base", "1.0.0", "beamline_mappings:base.yaml")
    monkeypatch.delitem(sys.modules, "beamline_mappings")


@pytest.mark.parametrize(
    ("reference", "place", "said"),
    [
        ("bluesky-v33", "child.yaml:4:10", "did you mean 'bluesky-v3'?"),
        ("nowhere", "child.yaml:4:10", "write ./nowhere.yaml"),
        ("./chidl.yaml", "child.yaml:4:10", "did you mean 'child.yaml'?"),
        ("no_package_here:a.yaml", "child.yaml:4:10", "ModuleNotFoundError"),
        ("tiledmap:no.yaml", "child.yaml:4:10", "FileNotFoundError"),
        ("tiledmap:../pyproject.toml", "child.yaml:4:10", "package:file.yaml"),
    ],
)
def test_what_is_extended_must_be_there(reference: str, place: str, said: str) -> None:
    problem = only_problem(write("child", f"extends: {reference}\n"))
    assert (problem.code, str(problem.span)) == ("TM020", place)
    assert said in problem.hint


def test_what_is_asked_for_must_be_there() -> None:
    assert only_problem("bluesky-v4").code == "TM020"
    assert only_problem("nowhere.yaml").code == "TM001"


def test_a_circle_is_shown() -> None:
    write("a", "extends: ./b.yaml\n")
    write("b", "extends: ./c.yaml\n")
    write("c", "extends: ./b.yaml\n")
    problem = only_problem("a.yaml")
    assert (problem.code, str(problem.span)) == ("TM021", "c.yaml:4:10")
    assert "b.yaml > c.yaml > b.yaml" in problem.message


def test_a_chain_may_be_so_long_and_no_longer() -> None:
    write("m1", LAYOUT)
    for number in range(2, MAX_DEPTH + 2):
        write(f"m{number}", f"extends: ./m{number - 1}.yaml\n")
    assert len(good(f"m{MAX_DEPTH}.yaml").chain) == MAX_DEPTH
    assert only_problem(f"m{MAX_DEPTH + 1}.yaml").code == "TM022"


@pytest.mark.parametrize("range_", ["^3", "~3.1", ">=3,<4"])
def test_the_extended_mapping_has_a_version_in_the_range(range_: str) -> None:
    assert good(write("child", f"extends: bluesky-v3@{range_}\n")).mapping is not None


def test_another_version_of_the_extended_mapping_is_a_problem() -> None:
    problem = only_problem(write("child", "extends: bluesky-v3@^2\n"))
    assert (problem.code, str(problem.span)) == ("TM023", "child.yaml:4:10")
    assert str(problem.notes[0].span) == "bluesky-v3.yaml:4:10"


def test_what_follows_the_at_sign_is_a_range() -> None:
    assert only_problem(write("child", "extends: bluesky-v3@latest\n")).code == "TM010"


# ---------------------------------------------------------------- what is needed


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        ('{tiledmap: ">=99"}', "this mapping needs tiledmap >=99"),
        ('{event_model: "<1"}', "this mapping needs event-model <1"),
    ],
)
def test_a_version_that_is_needed_is_asked_for_before_anything_else(
    requires: str, said: str
) -> None:
    problem = only_problem(write("child", f"requires: {requires}\nsome_new_key: 1\n"))
    assert problem.code == "TM013"
    assert said in problem.message


def test_a_version_that_is_met_needs_no_word() -> None:
    good(write("child", 'extends: bluesky-v3\nrequires: {tiledmap: ">=0.1", event_model: ">1"}\n'))


def test_what_a_whole_mapping_lacks_is_said_once_it_is_whole() -> None:
    write("part", "settings: {size: {default: 1}}\n")
    codes = [(p.code, p.message) for p in resolve("part.yaml").problems]
    assert [code for code, _ in codes] == ["TM011"] * 3
    write("whole", f"extends: ./part.yaml\nsettings: {{size: {{type: integer}}}}\n{LAYOUT}")
    assert good("whole.yaml").settings == {"size": 1}


def test_a_parent_that_cannot_be_found_is_the_only_complaint() -> None:
    resolved = resolve(write("child", "extends: ./none.yaml\nrun: {parent: []}\n"))
    assert resolved.mapping is None
    assert [problem.code for problem in resolved.problems] == ["TM020"]


# ---------------------------------------------------------------- overlays and settings


def test_overlays_are_put_on_top_in_their_order() -> None:
    write("base", LAYOUT + "settings: {size: {type: integer, default: 1}}\n")
    write("one", "settings: {size: {default: 2}}\n")
    write("two", "extends: base\nsettings: {size: {default: 3}}\n")
    write("three", "extends: ./base.yaml@^1\nrun: {parent: [x]}\n")
    resolved = good("base.yaml", overlays=["one.yaml", "two.yaml", "three.yaml"])
    assert resolved.settings == {"size": 3}
    assert [link.name for link in resolved.chain] == ["three", "two", "one", "base"]
    run = mapping_of(resolved).run
    assert run is not None
    assert str(run.at("parent")) == "three.yaml:5:15"
    assert str(run.at("key")) == "base.yaml:4:12"


def test_an_overlay_of_another_mapping_is_refused() -> None:
    write("base", LAYOUT)
    write("over", "extends: bluesky-v3\n")
    problem = only_problem("base.yaml", overlays=["over.yaml"])
    assert (problem.code, str(problem.span)) == ("TM015", "over.yaml:4:10")


def test_settings_come_from_the_caller_and_the_environment() -> None:
    resolved = good(
        "bluesky-v3", settings={"max_columns": "500"}, environ={"TILEDMAP_SET_MAX_ARRAY_SIZE": "9"}
    )
    assert resolved.settings == {"max_columns": 500, "max_array_size": 9}


def test_a_wrong_setting_is_shown_as_it_was_given() -> None:
    resolved = resolve("bluesky-v3", settings={"max_columns": "many"})
    (problem,) = resolved.problems
    assert problem.code == "TM026"
    assert resolved.texts[problem.span.file] == "many"
    assert resolved.broken


# ---------------------------------------------------------------- what is said again


@pytest.mark.parametrize(
    "source", [*sorted(shipped_mappings()), *sorted(VALID.glob("*.yaml"))], ids=str
)
def test_a_rendered_mapping_reads_as_the_same_mapping(source: str | Path) -> None:
    mapping = mapping_of(good(source))
    assert plain(read_again(mapping)) == plain(mapping)


def read_again(mapping: Mapping) -> Mapping:
    source, problems = read_source(render(mapping))
    assert source is not None
    again, found = parse_mapping(source)
    assert again is not None
    whole, more = merge(None, again)
    assert not [*problems, *found, *more]
    return whole


AWKWARD = r"""
description: |
  Two lines,
    one indented.
title: "a: b # c"
run:
  key: "${{ default(start['a: b'], \"x\") }}"
  metadata:
    copy: start
    without: {"odd: key": "1.5", "yes": "it's \"so\""}
    values: [1, 1.5, "1.5", true, "true", null, "null", "", "é\t\u0085\u2028😀", -.inf, 1e+300]
    nested: {empty: {}, none: [], "": {"- a": [[1], {b: "*x"}]}}
    "012": |
      text

      more
    "many words": "  spaces  "
streams:
  - name: all
    match: {name: ["*_image", "a, b"]}
    key: "'quoted' \\ back"
    data: [{name: d, store: array, key: "%x", dims: [time, ...], specs: []}]
source: {start: {properties: {"a b": {type: [string, "null"], enum: ["yes", 1, null]}}}}
"""


def test_no_text_is_too_awkward_to_render() -> None:
    mapping = mapping_of(good(write("awkward", AWKWARD)))
    assert plain(read_again(mapping)) == plain(mapping)


def test_every_rule_is_rendered_with_the_place_that_it_came_from() -> None:
    Path("smi.yaml").write_text((VALID / "smi.yaml").read_text())
    lines = render(mapping_of(good("smi.yaml"))).splitlines()
    rules = [line.strip() for line in lines if line.strip().startswith("- name: ")]
    assert "- name: xspress3  # smi.yaml:38" in rules
    assert "- name: tiff  # bluesky-v3.yaml:185" in rules
    assert all("  # " in rule for rule in rules)
    assert "  on_collision: resume  # bluesky-v3.yaml:86" in lines


def test_the_digest_is_of_what_is_said_and_not_of_where() -> None:
    digest = good(write("base", LAYOUT)).sha256
    Path("base.yaml").write_text("# a comment\n" + Path("base.yaml").read_text())
    assert good("base.yaml").sha256 == digest
    Path("base.yaml").write_text(Path("base.yaml").read_text().replace("key: k", "key: l"))
    assert good("base.yaml").sha256 != digest


def test_the_digest_knows_the_settings() -> None:
    first = good("bluesky-v3", settings={"max_columns": 500})
    assert first.sha256 == good("bluesky-v3", settings={"max_columns": "500"}).sha256
    assert first.sha256 != good("bluesky-v3").sha256


def test_loading_imports_neither_tiled_nor_pyarrow() -> None:
    code = (
        "import sys; from tiledmap.language.load import resolve; resolve('bluesky-v3');"
        "print({'tiled', 'pyarrow', 'numpy', 'jsonschema', 'event_model'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "set()"
