import datetime
from pathlib import Path

import pytest

from tiledmap.language.nodes import (
    Column,
    Join,
    Mapping,
    Metadata,
    Profile,
    Run,
    ScalarType,
    Store,
)
from tiledmap.language.parse import parse_mapping
from tiledmap.language.render import plain
from tiledmap.language.scalars import Free
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import Problem, Span

VALID = Path(__file__).parents[1] / "mappings/valid"
HEADER = "tiledmap: 1\nname: test\nversion: 1.0.0\n"


def parse(text: str) -> tuple[Mapping, list[Problem]]:
    source, found = read_source(text)
    assert source is not None
    assert not found, found
    mapping, problems = parse_mapping(source)
    assert mapping is not None
    return mapping, problems


def good(body: str) -> Mapping:
    mapping, problems = parse(HEADER + body)
    assert not problems, problems
    return mapping


def bad(body: str) -> Problem:
    """The one problem that a mapping has below its header."""
    _, problems = parse(HEADER + body)
    (problem,) = problems
    return problem


def run_of(body: str) -> Run:
    run = good(body).run
    assert run is not None
    return run


def metadata_of(body: str) -> Metadata:
    metadata = run_of(body).metadata
    assert metadata is not None
    return metadata


def underlined(body: str, span: Span) -> str:
    line = (HEADER + body).splitlines()[span.line - 1]
    return line[span.column - 1 : span.end_column - 1]


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("path", sorted(VALID.glob("*.yaml")), ids=lambda path: path.stem)
def test_valid_mappings_parse(path: Path) -> None:
    source, problems = read_source(path)
    assert source is not None
    mapping, found = parse_mapping(source)
    assert not [*problems, *found]
    assert mapping is not None


def test_a_text_field_holds_the_text_as_written() -> None:
    text = "tiledmap: 1\nname: NO\nversion: 1.10.0\ntitle: 012\ndescription: 1:20\n"
    mapping, problems = parse(text)
    assert not problems
    assert (mapping.name, mapping.version) == ("NO", "1.10.0")
    assert (mapping.title, mapping.description) == ("012", "1:20")


def test_each_scalar_is_read_by_the_type_of_its_field() -> None:
    mapping = good(
        "profile: free\n"
        "settings: {size: {type: integer, minimum: -1, maximum: 1e3}}\n"
        "repair:\n  resources:\n    - {name: a, until: 2027-06-30, join: concat, chunks: [1, 20]}\n"
    )
    assert mapping.profile is Profile.FREE
    setting = mapping.settings["size"]
    assert (setting.type, setting.minimum, setting.maximum) == (ScalarType.INTEGER, -1.0, 1000.0)
    assert mapping.repair is not None
    (repair,) = mapping.repair.resources
    assert repair.until == datetime.date(2027, 6, 30)
    assert (repair.join, repair.chunks) == (Join.CONCAT, (1, 20))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:20", "1:20"),
        ("1.10", 1.1),
        ("-.5e3", -500.0),
        (".inf", float("inf")),
        ("2026-12-01", "2026-12-01"),
        ("[1, two]", [1, "two"]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ],
)
def test_a_free_value_follows_the_core_schema_of_yaml(written: str, value: object) -> None:
    (rule,) = good(f"assets:\n  - name: a\n    parameters:\n      p: {written}\n").assets
    assert rule.parameters["p"].plain() == value


def test_texts_and_expressions_are_read_with_their_places() -> None:
    body = "run:\n  key: a_${{ start.uid }}\n  specs:\n    - {spec: 'A', when: has(start.a)}\n"
    run = run_of(body)
    assert run.key is not None
    (hole,) = run.key.holes
    assert underlined(body, hole.span) == "start.uid"
    assert run.specs is not None
    assert run.specs.items is not None
    (spec,) = run.specs.items
    assert spec.when is not None
    assert spec.when.tree is not None
    assert underlined(body, spec.when.tree.span) == "has(start.a)"


def test_every_key_and_value_keeps_its_place() -> None:
    body = "streams:\n  - name: a\n    data:\n      - name: b\n        store: table\n"
    mapping = good(body)
    (stream,) = mapping.streams
    (rule,) = stream.data
    assert rule.store is Store.TABLE
    assert underlined(body, rule.key_at("store")) == "store"
    assert underlined(body, rule.at("store")) == "table"
    assert (rule.at().line, rule.at().end_line) == (7, 8)
    assert underlined(body, mapping.key_at("streams")) == "streams"


def test_places_inside_lists_and_mappings_are_kept() -> None:
    body = "run:\n  metadata:\n    copy: start\n    without: {uid: is the key}\n"
    metadata = metadata_of(body)
    assert underlined(body, metadata.key_at("without.uid")) == "uid"
    assert underlined(body, metadata.at("without.uid")) == "is the key"
    body = "assets:\n  - name: a\n    needs: [x, yy]\n"
    assert underlined(body, good(body).assets[0].at("needs.1")) == "yy"


def test_a_field_named_by_a_python_keyword_is_found_under_its_own_name() -> None:
    body = (
        "streams:\n  - name: a\n    tables:\n      - name: t\n"
        "        columns: [{column: c, from: value}]\n"
    )
    columns = good(body).streams[0].tables[0].columns
    assert columns is not None
    assert columns.items is not None
    (column,) = columns.items
    assert isinstance(column, Column)
    assert column.from_.source == "value"
    assert underlined(body, column.key_at("from_")) == "from"


def test_metadata_is_copied_documents_and_values() -> None:
    body = (
        "run:\n  metadata:\n    note: 5\n    sample: {name: '${{ start.uid }}'}\n"
        "    start: {copy: start}\n    deep: {down: {copy: stop}}\n"
    )
    metadata = metadata_of(body)
    note, sample, start, deep = metadata.entries.values()
    assert isinstance(note, Free)
    assert isinstance(sample, Free)
    assert isinstance(start, Metadata)
    assert isinstance(deep, Metadata)
    assert isinstance(deep.entries["down"], Metadata)
    assert underlined(body, metadata.key_at("sample")) == "sample"


def test_a_list_replaces_and_prepend_and_append_add() -> None:
    replaced = run_of("run: {specs: [{spec: A}]}\n").specs
    added = run_of("run: {specs: {prepend: [{spec: A}], append: [{spec: B}]}}\n").specs
    assert replaced is not None
    assert added is not None
    assert plain(replaced) == [{"spec": "A"}]
    assert plain(added) == {"prepend": [{"spec": "A"}], "append": [{"spec": "B"}]}


def test_a_pattern_is_one_text_or_several() -> None:
    streams = good(
        "streams:\n  - {name: a, match: {name: x}}\n  - {name: b, match: {name: [x, y]}}\n"
    )
    texts = [stream.match.name.texts for stream in streams.streams if stream.match]  # type: ignore[union-attr]
    assert texts == [("x",), ("x", "y")]


def test_a_length_of_a_shape_may_be_unknown() -> None:
    mapping = good("repair: {data_keys: [{name: a, shape: {lengths: [1, null, 512, ~]}}]}\n")
    assert mapping.repair is not None
    (repair,) = mapping.repair.data_keys
    assert repair.shape is not None
    assert repair.shape.lengths == (1, None, 512, None)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("body", "code", "text", "said"),
    [
        ("titel: x\n", "TM005", "titel", "did you mean 'title'?"),
        ("run: {parnt: []}\n", "TM005", "parnt", "did you mean 'parent'?"),
        ("run: {qqqq: []}\n", "TM005", "qqqq", "the keys here are parent, key"),
        ("run: []\n", "TM009", "[]", "expected a mapping, not a list"),
        ("streams: {name: x}\n", "TM009", "{name: x}", "expected a list, not a mapping"),
        ("run: {parent: smi}\n", "TM009", "smi", "write [smi]"),
        ("run: {key: [a]}\n", "TM009", "[a]", "expected text, not a list"),
        ("title: {a: b}\n", "TM009", "{a: b}", "expected text, not a mapping"),
        ("title:\n", "TM009", "", "found nothing"),
        (
            "run: {specs: [BlueskyRun/3.0]}\n",
            "TM009",
            "BlueskyRun/3.0",
            "write spec: BlueskyRun/3.0",
        ),
        ("run: {specs: {spec: A}}\n", "TM009", "{spec: A}", "begin each item with '- '"),
        ("run: {on_collision: resum}\n", "TM010", "resum", "did you mean 'resume'?"),
        ("run: {unfinished: closed}\n", "TM010", "closed", "did you mean 'close'?"),
        ("assets: [{name: a, chunks: [1_000]}]\n", "TM010", "1_000", "write 1000"),
        ("assets: [{name: a, chunks: [012]}]\n", "TM010", "012", "write 12"),
        ("assets: [{name: a, chunks: ['5']}]\n", "TM010", "'5'", "write 5"),
        ("settings: {a: {minimum: .5}}\n", "TM010", ".5", "is not a number"),
        ("repair: {roots: [{name: a, until: 2027-6-30}]}\n", "TM010", "2027-6-30", "2027-06-30"),
        ("repair: {roots: [{name: a, until: 2027-02-30}]}\n", "TM010", "2027-02-30", "a date"),
        ("assets: [{name: no good}]\n", "TM010", "no good", "a letter first"),
        ("settings: {1x: {type: string}}\n", "TM010", "{type: string}", "a letter first"),
        ("hooks: {a: {function: f}}\n", "TM010", "f", "package.module:name"),
        ("streams: [{name: a, match: {name: []}}]\n", "TM010", "[]", "fits nothing"),
        ("streams: [{name: a, match: {name: [x, absent]}}]\n", "TM010", "absent", "stands alone"),
        (f"assets: [{{name: a, parameters: {{p: {'9' * 500}}}}}]\n", "TM010", "9" * 500, "digits"),
        (
            "repair: {data_keys: [{name: a, shape: {lengths: [1, many]}}]}\n",
            "TM010",
            "many",
            "is not a whole number, or null",
        ),
        (
            "repair: {data_keys: [{name: a, shape: {lengths: [-1]}}]}\n",
            "TM010",
            "-1",
            "-1 is less than 0",
        ),
        ("assets: [{name: a, chunks: [4, 0]}]\n", "TM010", "0", "0 is less than 1"),
        (
            "repair: {data_keys: [{name: a, drop: old, dtype: int32}]}\n",
            "TM015",
            "dtype",
            "'drop'",
        ),
        ("assets: [{name: a, sidecars: [{uri: x}]}]\n", "TM011", "uri", "'parameter' is missing"),
        ("assets: [{name: a, structure_from: fil}]\n", "TM010", "fil", "did you mean 'file'?"),
        ("streams: [{key: x}]\n", "TM011", "key", "'name' is missing"),
        ("run: {specs: [{when: has(start.a)}]}\n", "TM011", "when", "'spec' is missing"),
        ("run: {metadata: {updates: x}}\n", "TM011", "updates", "needs 'copy'"),
        ("run: {specs: [{spec: a, each: start.a}]}\n", "TM011", "each", "needs 'as'"),
        ("run: {specs: [{spec: a, as: b}]}\n", "TM011", "as", "needs 'each'"),
        ("assets: [{name: a}, {name: b}, {name: a}]\n", "TM014", "a", "named 'a'"),
        ("streams: [{name: a, remove: old, key: x}]\n", "TM015", "key", "'remove'"),
        ("streams: [{name: a, drop: old, key: x}]\n", "TM015", "key", "'drop'"),
        ("assets: [{name: a, refuse: x, join: stack}]\n", "TM015", "join", "'refuse'"),
        (
            "streams: [{name: a, data: [{name: b, store: table, table: t, key: k}]}]\n",
            "TM015",
            "key",
            "a table's column",
        ),
        (
            "streams: [{name: a, data: [{name: b, store: array, table: t, key: k}]}]\n",
            "TM015",
            "table",
            "only store: table",
        ),
        (
            "repair: {data_keys: [{name: a, drop: x, rename: y}]}\n",
            "TM015",
            "rename",
            "exclude each other",
        ),
        (
            "run: {metadata: {copy: start, only: {a: b}, without: {c: d}}}\n",
            "TM015",
            "without",
            "exclude each other",
        ),
        ("streams: [{name: a, drop: ''}]\n", "TM018", "''", "say why"),
        ("streams: [{name: a, drop: }]\n", "TM018", "", "say why"),
        ("streams: [{name: a, drop: true}]\n", "TM018", "true", "is not a reason"),
        ("run: {metadata: {copy: start, without: [uid]}}\n", "TM018", "[uid]", "field: reason"),
        ("run: {metadata: {copy: start, without: {uid}}}\n", "TM018", "", "say why"),
        ("title: a ${{ start.uid }} b\n", "TM106", "${{ start.uid }}", "only a literal"),
        ('run: {metadata: {"${{ x }}": 1}}\n', "TM106", "${{ x }}", "only a literal"),
        ('assets: [{name: a, match: {mimetype: "${{ x }}"}}]\n', "TM106", "${{ x }}", "literal"),
    ],
)
def test_what_does_not_fit_is_explained(body: str, code: str, text: str, said: str) -> None:
    problem = bad(body)
    assert problem.code == code
    assert underlined(body, problem.span) == text
    assert said in f"{problem.message}; {problem.hint}"


def test_an_expression_that_yaml_tore_apart_is_one_problem() -> None:
    body = (
        "streams:\n  - name: a\n    tables:\n      - name: t\n        columns:\n"
        "          - {column: c, from: first(event.a, event.b, 1)}\n"
    )
    problem = bad(body)
    assert (problem.code, underlined(body, problem.span)) == ("TM005", "event.b")
    assert problem.hint == 'quote the whole value: from: "first(event.a, event.b, 1)"'


def test_another_version_of_the_language_is_the_only_problem() -> None:
    source, _ = read_source("tiledmap: 2\nname: x\nwhatever: true\n")
    assert source is not None
    mapping, (problem,) = parse_mapping(source)
    assert mapping is None
    assert problem.code == "TM012"
    assert problem.span == Span("<text>", 1, 11, 1, 12)


def test_a_file_that_is_no_mapping_is_refused() -> None:
    source, _ = read_source("- a\n- b\n")
    assert source is not None
    mapping, (problem,) = parse_mapping(source)
    assert mapping is None
    assert problem.code == "TM009"


def test_a_header_that_lacks_something_hides_nothing_below_it() -> None:
    mapping, problems = parse("nane: x\nversion: '1'\nrun: {key: a, kee: b}\n")
    assert [problem.code for problem in problems] == ["TM005", "TM005", "TM011", "TM011", "TM010"]
    assert mapping.run is not None


def test_one_mistake_leaves_everything_around_it_in_place() -> None:
    mapping, problems = parse(
        HEADER
        + "assets:\n  - {name: a, join: stak, needs: [x], consolidator: hdf5}\n  - {name: b c}\n"
    )
    assert [problem.code for problem in problems] == ["TM010", "TM010"]
    (asset,) = mapping.assets
    assert (asset.join, asset.needs, asset.consolidator) == (None, ("x",), "hdf5")
    assert "join" not in asset.given


def test_a_broken_expression_still_stands_for_its_field() -> None:
    mapping, problems = parse(HEADER + "streams:\n  - {name: a, when: 1 +}\n")
    assert [problem.code for problem in problems] == ["TM100"]
    when = mapping.streams[0].when
    assert when is not None
    assert when.tree is None
