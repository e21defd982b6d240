"""Readable: what bluesky-tiled-plugins' clients need, for mappings of that profile.

Each rule here is a way in which those clients were seen to fail: a listing of the catalog that
raises, a stream that is not found, `documents()` that stops half way.
"""

from collections.abc import Iterable, Iterator

from tiledmap.check.coverage import copies
from tiledmap.check.layout import (
    columns_of,
    is_path,
    is_torn,
    items,
    missed,
    names,
    stored_data,
    stored_streams,
)
from tiledmap.check.matching import DATA_KEYS
from tiledmap.check.subject import Subject
from tiledmap.language import nodes
from tiledmap.language.scalars import Text
from tiledmap.language.trees import Expr
from tiledmap.problems import Note, Problem, Span

_FREE = "if none of those clients reads these runs, say  profile: free"


def check_readable(subject: Subject) -> Iterator[Problem]:
    """Yield what bluesky-tiled-plugins' clients could not read."""
    mapping = subject.mapping
    if mapping.profile is not nodes.Profile.BLUESKY_V3 or mapping.run is None:
        return
    yield from _run(mapping.run)
    for stream in stored_streams(mapping):
        yield from _stream(stream)


# ---------------------------------------------------------------- the run


def _run(run: nodes.Run) -> Iterator[Problem]:
    at = run.at("specs") if run.specs else run.at()
    yield from _versioned("TM500", "BlueskyRun", run.specs, at, "the run")
    if run.key and not is_torn(run.key) and not is_path(run.key.single, "start", "uid"):
        yield Problem(
            "TM502",
            run.at("key"),
            "CatalogOfBlueskyRuns looks up runs by start.uid, which is not the run's key",
            label="catalog[uid] will not find it",
            hint="key: ${{ start.uid }}",
        )
    yield from _run_document(run, "start", ("uid", "time"))
    yield from _run_document(run, "stop", ("uid", "time", "run_start", "exit_status"))


def _run_document(run: nodes.Run, document: str, needed: Iterable[str]) -> Iterator[Problem]:
    places = [place for place in copies(run.metadata, document) if place.path == document]
    if not places:
        yield Problem(
            "TM509",
            run.at("metadata"),
            f"the run's {document} document is not copied to metadata.{document}",
            label="readers look for it there",
            hint=f"metadata: {{{document}: {{copy: {document}}}}}",
        )
        return
    lacking = [field for field in needed if not places[0].keeps(field)]
    if lacking:
        yield Problem(
            "TM509",
            places[0].metadata.at(),
            f"metadata.{document} lacks {_listed(lacking)}, which readers need",
        )


def _versioned(
    code: str, name: str, specs: nodes.Items[nodes.SpecItem] | None, at: Span, node: str
) -> Iterator[Problem]:
    """Report a node whose spec for readers is missing, not certain, or not of version 3."""
    found = False
    for item in items(specs):
        spec, _, version = (item.spec.literal or "").partition("/")
        if spec != name:
            continue
        if not version:
            yield Problem(
                code,
                item.at("spec"),
                f"the spec {name} has no version",
                label="breaks every listing of the container above",
                hint=f"spec: {name}/3.0",
            )
        elif not version.startswith("3."):
            yield Problem(
                code,
                item.at("spec"),
                f"readers take {name} of version {version} for another layout",
                hint=f"spec: {name}/3.0",
            )
        found = found or (item.when is None and item.each is None)
    if not found:
        yield Problem(
            code,
            at,
            f"{node} does not always have the spec {name}/3.0",
            label="readers tell by it what the node is",
            hint=f"specs:\n  - spec: {name}/3.0\n{_FREE}",
        )


# ---------------------------------------------------------------- streams


def _stream(stream: nodes.StreamRule) -> Iterator[Problem]:
    yield from _stream_specs(stream)
    yield from _stream_metadata(stream)
    yield from _containers(stream)
    yield from _tables(stream)
    yield from _timestamps(stream)
    yield from _coordinates(stream)


_LEVEL_OF_STREAMS = "streams"
"""The one container between run and stream that readers know."""


def _stream_specs(stream: nodes.StreamRule) -> Iterator[Problem]:
    node = f"a stream of '{stream.name}'"
    at = stream.at("specs") if stream.specs else stream.at("name")
    yield from _versioned("TM501", "BlueskyEventStream", stream.specs, at, node)
    listed = [(item.spec.literal or "").partition("/")[0] for item in items(stream.specs)]
    if "composite" in listed and "BlueskyEventStream" in listed:
        composite = listed.index("composite")
        if composite < listed.index("BlueskyEventStream"):
            yield Problem(
                "TM501",
                items(stream.specs)[composite].at("spec"),
                "composite stands before BlueskyEventStream, and the first spec chooses the client",
                hint="put composite after it",
            )


def _stream_metadata(stream: nodes.StreamRule) -> Iterator[Problem]:
    whole = next((each for each in copies(stream.metadata, "descriptor") if not each.path), None)
    given = stream.metadata.entries if stream.metadata else {}
    lacking = [
        field
        for field in ("uid", "time", "data_keys", "configuration")
        if field not in given and not (whole and whole.keeps(field))
    ]
    if lacking:
        yield Problem(
            "TM506",
            stream.metadata.at() if stream.metadata else stream.at("name"),
            f"the metadata of '{stream.name}' lacks {_listed(lacking)}, which readers need",
            hint="metadata: {copy: descriptor}",
        )


def _containers(stream: nodes.StreamRule) -> Iterator[Problem]:
    parent = stream.parent or ()
    if parent and [text.literal for text in parent] != [_LEVEL_OF_STREAMS]:
        yield Problem(
            "TM507",
            stream.at("parent"),
            f"readers take the container above '{stream.name}' for a stream",
            label=f"only '{_LEVEL_OF_STREAMS}' is known to them",
            hint=f"parent: [{_LEVEL_OF_STREAMS}], or none",
        )
    rules: list[nodes.DataRule | nodes.TableRule | nodes.CoordinateRule]
    rules = [*stored_data(stream), *stream.tables, *stream.coordinates]
    for rule in rules:
        if rule.parent:
            yield Problem(
                "TM507",
                rule.at("parent"),
                f"readers cannot read '{stream.name}' with a container inside it",
                label="nodes stand right below the stream",
                hint=f"leave out 'parent'; {_FREE}",
            )


def _tables(stream: nodes.StreamRule) -> Iterator[Problem]:
    if not stream.tables:
        yield Problem(
            "TM503",
            stream.at("name"),
            f"'{stream.name}' has no table 'internal'",
            label="readers find the events there",
        )
        return
    named = (table for table in stream.tables if table.key and table.key.literal == "internal")
    read = next(named, None)
    if read is None:
        read = stream.tables[0]
        yield Problem(
            "TM503",
            read.at("key"),
            f"the table of '{stream.name}' has another key than 'internal'",
            label="readers find the events only there",
            hint="key: internal",
        )
    for other in stream.tables:
        if other is not read:
            yield Problem(
                "TM504",
                other.at("name"),
                f"'{stream.name}' has more than one table",
                label="documents() fails with two",
                notes=(Note("readers know this one", read.at("name")),),
            )
    for table in stream.tables:
        for field in ("seq_num", "time"):
            if not any(_is_column(column, field) for column in items(table.columns)):
                yield Problem(
                    "TM508",
                    table.key_at("columns") if table.columns else table.at("name"),
                    f"table '{table.name}' has no column '{field}' from event.{field}",
                    hint=f"add: {{column: {field}, from: event.{field}}}",
                )


def _is_column(column: nodes.Column, field: str) -> bool:
    return column.column.literal == field and is_path(column.from_, "event", field)


def _timestamps(stream: nodes.StreamRule) -> Iterator[Problem]:
    columns = list(columns_of(stream))
    yield from _twins(columns)
    of_keys = [
        column
        for column in columns
        if is_path(column.from_, "timestamp") and _is_prefixed_name(column.column)
    ]
    for rule in stored_data(stream):
        if rule.store not in (nodes.Store.ARRAY, nodes.Store.RAGGED):
            continue
        left = missed(stream, rule, of_keys)
        if left is not None:
            what = f"{left}, stored as {rule.store.value},"
            yield _without_twin(rule.at("name"), what, "ts_${{ data_key.name }}")


def _coordinates(stream: nodes.StreamRule) -> Iterator[Problem]:
    for rule in stream.coordinates:
        message = f"readers take the coordinate '{rule.name}' for data of events"
        if rule.dims is None:
            message += ", and read() fails where it has another length than they"
        yield Problem(
            "TM510",
            rule.at("name"),
            message,
            label="documents() gives each event an item of it",
            hint=_FREE if rule.dims else f"dims of its own help read():  dims: [energy];\n{_FREE}",
        )


def _twins(columns: Iterable[nodes.Column]) -> Iterator[Problem]:
    """Find columns of values that have no column of timestamps beside them."""
    columns = list(columns)
    for column in columns:
        if column.column.literal in ("seq_num", "time") or is_path(column.from_, "timestamp"):
            continue
        twins = [each for each in columns if each.column.parts == _prefixed(column.column)]
        if column.keys is None:
            if not twins and not _is_twin(column, columns):
                yield _without_column(column, "event.time")
            continue
        region = DATA_KEYS.region(column.keys)
        covers = [DATA_KEYS.region(each.keys) for each in twins]
        left = DATA_KEYS.uncovered(region, covers)
        if left is not None:
            yield _without_column(column, "timestamp")


def _without_column(column: nodes.Column, source: str) -> Problem:
    name = column.column.source
    return _without_twin(column.at("column"), f"the column '{name}'", f"ts_{name}", source)


def _without_twin(at: Span, what: str, name: str, source: str = "timestamp") -> Problem:
    keys = ", keys: …" if source == "timestamp" else ""
    return Problem(
        "TM505",
        at,
        f"{what} has no column of timestamps beside it",
        label="documents() fails without one",
        hint=f"add: {{column: '{name}'{keys}, type: float64, from: {source}}}",
    )


def _prefixed(text: Text) -> tuple[str | Expr, ...]:
    first, *rest = text.parts or ("",)
    return (f"ts_{first}", *rest) if isinstance(first, str) else ("ts_", first, *rest)


def _is_twin(column: nodes.Column, columns: Iterable[nodes.Column]) -> bool:
    return any(_prefixed(each.column) == column.column.parts for each in columns)


def _is_prefixed_name(text: Text) -> bool:
    first, *rest = text.parts or ("",)
    return first == "ts_" and len(rest) == 1 and names(Text("", tuple(rest)), "data_key", "name")


def _listed(words: list[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
