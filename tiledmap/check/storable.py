"""Storable: names, types and values that Tiled and the databases below it take.

No server checks these in time: a node with a bad key is made and can never be read again, a table
with a bad column fails when the data is already taken. The numbers are those of Tiled 0.2, SQLite,
DuckDB and PostgreSQL.
"""

import importlib.metadata
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tiledmap.check.globs import is_glob
from tiledmap.check.layout import (
    certain,
    is_path,
    is_torn,
    is_unread,
    items,
    literal_strings,
    stored_data,
    stored_streams,
)
from tiledmap.check.matching import ASSETS, FILES
from tiledmap.check.subject import Subject
from tiledmap.language import nodes
from tiledmap.language.scalars import Free, Text
from tiledmap.problems import Note, Problem, Span
from tiledmap.problems.nearest import did_you_mean


def check_storable(subject: Subject) -> Iterator[Problem]:
    """Yield what could not be stored, or not be read again."""
    mapping = subject.mapping
    yield from _run(mapping.run) if mapping.run else ()
    for stream in stored_streams(mapping):
        yield from _stream(stream, subject.settings)
    for rule in mapping.assets:
        yield from _asset(rule)
    if mapping.repair:
        yield from _repairs(mapping.repair)
        yield from _unread_files(mapping, mapping.repair)


def _run(run: nodes.Run) -> Iterator[Problem]:
    yield from _keys(run)
    yield from _specs(run.specs)
    yield from _access_tags(run)
    yield from _metadata(run.metadata)


def _stream(stream: nodes.StreamRule, settings: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _keys(stream)
    yield from _specs(stream.specs)
    yield from _metadata(stream.metadata)
    for rule in stored_data(stream):
        yield from _keys(rule)
        yield from _specs(rule.specs)
        yield from _metadata(rule.metadata)
        yield from _dims(rule)
    for table in stream.tables:
        yield from _keys(table)
        yield from _specs(table.specs)
        yield from _metadata(table.metadata)
        yield from _max_columns(table, settings)
        for column in items(table.columns):
            yield from _column(column)
    for coordinate in stream.coordinates:
        yield from _keys(coordinate)
        yield from _specs(coordinate.specs)
        yield from _metadata(coordinate.metadata)
        yield from _own_dims(coordinate, f"coordinate '{coordinate.name}'")


# ---------------------------------------------------------------- node keys

_IN_KEY = re.compile(r"[/?#%\x00-\x1f\x7f]")
_LONGEST_KEY = 255
"""In bytes: a key is the name of a directory where arrays are kept."""


def _keys(
    rule: nodes.Run | nodes.StreamRule | nodes.DataRule | nodes.TableRule | nodes.CoordinateRule,
) -> Iterator[Problem]:
    for text in (*(rule.parent or ()), *filter(None, [rule.key])):
        fault = "" if is_torn(text) else _fault_of_key(text)
        if fault:
            yield Problem("TM400", text.span, f"no node can have this key: {fault}")


def _fault_of_key(text: Text) -> str:
    if text.literal in (".", ".."):
        return f"'{text.literal}' is a step of a path"
    if text.literal == "":
        return "it is empty"
    written = literal_strings(text)
    found = _IN_KEY.search(written)
    if found and found[0] == "/":
        return "'/' divides the keys of a path; give each step of 'parent' on its own"
    if found:
        return f"a URL cannot hold {found[0]!r} there"
    if len(written.encode()) > _LONGEST_KEY:
        return f"it is longer than {_LONGEST_KEY} bytes"
    return ""


# ---------------------------------------------------------------- columns and tables

_IN_COLUMN = re.compile(r"[\x00-\x1f\x7f'\"`;\\%()=+/#?]|--|\*/")
_LONGEST_COLUMN = 63
_MOST_COLUMNS = 1000


def _column(column: nodes.Column) -> Iterator[Problem]:
    fault = "" if is_torn(column.column) else _fault_of_column(column.column)
    if fault:
        name = column.column.source
        yield Problem("TM401", column.at("column"), f"no column can be called '{name}': {fault}")
    if column.type is nodes.ColumnType.UINT64:
        yield Problem(
            "TM402",
            column.at("type"),
            "SQLite and PostgreSQL have no column of type uint64",
            hint="use int64, float64 or string, whichever keeps what the values mean",
        )


def _fault_of_column(text: Text) -> str:
    written = literal_strings(text)
    first = text.parts[0] if text.parts else ""
    found = _IN_COLUMN.search(written)
    if text.literal == "":
        return "it is empty"
    if isinstance(first, str) and not re.match(r"[A-Za-z]", first):
        return "it must begin with a letter from a to z"
    if found:
        return f"it holds {found[0]!r}"
    if len(written.encode()) > _LONGEST_COLUMN:
        return f"it is longer than {_LONGEST_COLUMN} bytes"
    if written.casefold() == "rowid" and text.literal is not None:
        return "databases have a column of this name already"
    return ""


def _max_columns(table: nodes.TableRule, settings: Mapping[str, Any]) -> Iterator[Problem]:
    if table.max_columns is None:
        return
    most = _integer(table.max_columns, settings)
    if most is not None and most > _MOST_COLUMNS:
        yield Problem(
            "TM403",
            table.at("max_columns"),
            f"{most} columns are more than PostgreSQL takes in a row",
            hint=f"{_MOST_COLUMNS} fit; wider tables are split",
        )


def _integer(text: Text, settings: Mapping[str, Any]) -> int | None:
    """Return the number that a text stands for, as far as it is a number or a setting."""
    if text.literal is not None:
        return int(text.literal) if re.fullmatch(r"\s*\d{1,9}\s*", text.literal) else None
    for name, value in settings.items():
        if is_path(text.single, "settings", name) and isinstance(value, int):
            return value
    return None


_REST = "..."


def _dims(rule: nodes.DataRule) -> Iterator[Problem]:
    if rule.dims is None:
        return
    if not rule.dims:
        yield Problem(
            "TM404",
            rule.at("dims"),
            f"'{rule.name}' names no dims",
            hint="dims: [time, ...] is the events, then the data key's own",
        )
    yield from _names_of_dims(rule, f"'{rule.name}'")
    if rule.dims and _REST not in rule.dims:
        yield from _rank(rule, len(rule.dims))


def _names_of_dims(
    rule: nodes.DataRule | nodes.DataKeyRepair | nodes.CoordinateRule, what: str
) -> Iterator[Problem]:
    dims = rule.dims or ()
    for place, name in enumerate(dims):
        if name in dims[:place]:
            fault = "'...' stands once" if name == _REST else f"'{name}' names two dims"
            yield Problem("TM404", rule.at(f"dims.{place}"), f"{fault} in {what}")
        elif not name.strip():
            yield Problem("TM404", rule.at(f"dims.{place}"), f"a dim of {what} has no name")


def _own_dims(rule: nodes.DataKeyRepair | nodes.CoordinateRule, what: str) -> Iterator[Problem]:
    """Check dims that stand for themselves: there are no others that ``...`` could stand for."""
    yield from _names_of_dims(rule, what)
    if _REST in (rule.dims or ()):
        yield Problem("TM404", rule.at("dims"), f"{what} names all its dims: '...' has no place")


def _rank(rule: nodes.DataRule, count: int) -> Iterator[Problem]:
    """Compare a number of dims with what ``match`` tells of the shapes that the rule takes.

    Files may be joined to an array of other dimensions than each has; events are stacked.
    """
    shapes = rule.match.shape.texts if rule.match and rule.match.shape else ()
    if rule.store is nodes.Store.ARRAY and shapes == ("scalar",) and count != 1:
        most = "one dim, that of the events"
    elif rule.store in (nodes.Store.ARRAY, nodes.Store.RAGGED) and count < _least_rank(shapes):
        most = "at least two dims, that of the events and its own"
    else:
        return
    yield Problem(
        "TM404",
        rule.at("dims"),
        f"what '{rule.name}' stores has {most}; this names {count}",
        label="each event adds to the first",
        hint="dims: [time, ...] is the events, then the data key's own",
    )


def _least_rank(shapes: tuple[str, ...]) -> int:
    """The fewest dims of an array of events, each of one of these shapes."""
    return 2 if shapes and "scalar" not in shapes else 1


def _repaired_shape(rule: nodes.DataKeyRepair) -> Iterator[Problem]:
    """Check a data key's new dims, against its new shape where both are given."""
    yield from _own_dims(rule, f"repair '{rule.name}'")
    shape = rule.shape
    if rule.dims is None or shape is None:
        return
    least = shape.pad_left or 0
    exact = shape.lengths is not None and not shape.squeeze
    if shape.lengths is not None and exact:
        least = max(least, len(shape.lengths))
    if len(rule.dims) < least or (exact and len(rule.dims) > least):
        count = f"{least}" if exact else f"at least {least}"
        yield Problem(
            "TM404",
            rule.at("dims"),
            f"repair '{rule.name}' names {len(rule.dims)} dims for a shape of {count}",
            label="one name for each length",
            hint="events are not among them: the data rule names theirs, as in dims: [time, ...]",
            notes=(Note("the shape is given here", rule.at("shape")),),
        )


# ---------------------------------------------------------------- specs and access tags

_MOST_SPECS = 20
_LONGEST_SPEC = 255


def _specs(specs: nodes.Items[nodes.SpecItem] | None) -> Iterator[Problem]:
    listed = items(specs)
    if len(listed) > _MOST_SPECS:
        yield Problem(
            "TM407",
            listed[_MOST_SPECS].at(),
            f"a node has at most {_MOST_SPECS} specs, not {len(listed)}",
        )
    seen: list[nodes.SpecItem] = []
    for item in listed:
        if any(len(half) > _LONGEST_SPEC for half in literal_strings(item.spec).split("/", 1)):
            yield Problem(
                "TM407", item.at("spec"), f"a spec is longer than {_LONGEST_SPEC} characters"
            )
        twin = next((each for each in seen if _twins(each, item)), None)
        if twin is not None:
            yield Problem(
                "TM409",
                item.at("spec"),
                f"the spec '{item.spec.source}' is given twice",
                label="Tiled refuses a node whose specs are not unique",
                notes=(Note("the first is here", twin.at("spec")),),
            )
        seen.append(item)


def _twins(one: nodes.SpecItem, other: nodes.SpecItem) -> bool:
    same = one.spec.literal is not None and one.spec.literal == other.spec.literal
    return same and (one.when is None or other.when is None)


def _access_tags(run: nodes.Run) -> Iterator[Problem]:
    """Warn where a rule of tags can give none and nobody has said what then.

    What a parent said of runs without tags it said of its own rules, not of those that a mapping
    adds to them.
    """
    tags = items(run.access_tags)
    if not tags or run.fallback_tags or run.untagged is nodes.Untagged.REFUSE:
        return
    if any(tag.when is None and tag.each is None for tag in tags):
        return
    said_in = run.at("untagged").file if run.untagged is not None else None
    unsaid = [tag for tag in tags if run.untagged is None or tag.at().file != said_in]
    if unsaid:
        yield Problem(
            "TM411",
            unsaid[0].at(),
            "a run may get no access tag",
            label="only 'when' or 'each'",
            hint="say what then:  untagged: refuse,  untagged: store,  or  fallback_tags: […]",
        )


# ---------------------------------------------------------------- metadata

_FEWEST, _MOST = -(2**63), 2**64 - 1
_LARGEST_FLOAT = 2.0**64
"""PostgreSQL gives larger ones back as integers that break the listing of the parent."""


def _metadata(metadata: nodes.Metadata | None) -> Iterator[Problem]:
    for entry in metadata.entries.values() if metadata else ():
        if isinstance(entry, nodes.Metadata):
            yield from _metadata(entry)
        else:
            yield from _free(entry)


def _free(free: Free) -> Iterator[Problem]:
    match free.value:
        case Text() as text:
            if "\0" in literal_strings(text):
                yield _unstorable(text.span, "PostgreSQL stores no text with a NUL character")
        case tuple() as inner:
            for item in inner:
                yield from _free(item)
        case dict() as inner:
            for item in inner.values():
                yield from _free(item)
        case bool() | None:
            return
        case int() as number if not _FEWEST <= number <= _MOST:
            yield _unstorable(free.span, "an integer of more than 64 bits cannot be stored")
        case float() as number if not math.isfinite(number):
            yield _unstorable(free.span, "JSON has no infinite numbers and no NaN")
        case float() as number if abs(number) >= _LARGEST_FLOAT:
            yield _unstorable(
                free.span, "PostgreSQL cannot list nodes with a float of 2**64 or more"
            )


def _unstorable(span: Span, message: str) -> Problem:
    return Problem("TM410", span, message, hint="write it as a text, in quotes")


def _repairs(repair: nodes.Repairs) -> Iterator[Problem]:
    said = [rule.set for rule in repair.data_keys]
    said += [rule.set for rule in (*repair.start, *repair.descriptor, *repair.stop)]
    said += [rule.parameters for rule in repair.resources]
    said += [rule.parameters for rule in repair.datums]
    for values in said:
        for free in values.values():
            yield from _free(free)
    for resource in repair.resources:
        if resource.mimetype is not None:
            yield from _mimetype(resource.mimetype, resource.at("mimetype"))
    for data_key in repair.data_keys:
        yield from _repaired_shape(data_key)
        yield from _new_name(data_key)


RESERVED = ("time", "seq_num", "rowid", "internal")
OF_TIMESTAMPS = "ts_"


def _new_name(rule: nodes.DataKeyRepair) -> Iterator[Problem]:
    """Report a new name for a data key that stands for something else in what is stored."""
    if rule.rename is None or is_torn(rule.rename):
        return
    name = rule.rename.source
    first = rule.rename.parts[0] if rule.rename.parts else ""
    if isinstance(first, str) and first.startswith(OF_TIMESTAMPS):
        why = f"a column that begins with {OF_TIMESTAMPS} holds the timestamps of another"
    elif name.casefold() in RESERVED:
        why = "each table of events has a column of that name, or is called so"
    else:
        return
    yield Problem(
        "TM414",
        rule.at("rename"),
        f"no data key can be called '{name}': {why}",
        label="it would be stored under yet another name",
        hint="give it a name of its own",
    )


# ---------------------------------------------------------------- files

_NEEDS: Mapping[str, str] = {
    "hdf5": "dataset",
    "tiff": "template",
    "jpeg": "template",
    "npy": "template",
}
"""The parameter without which a consolidator cannot find the data."""

_JOINS = frozenset({"hdf5", "tiff", "jpeg", "npy", "csv", "zarr"})
"""Consolidators whose array has another shape when files are stacked than when they are joined."""

CONSOLIDATORS = ("hdf5", "tiff", "jpeg", "npy", "csv", "bytes", "zarr")
_MIMETYPE = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;\s*[\w.+-]+=(\"[^\"]*\"|[^\s;\"]+))*", re.ASCII)


ADAPTERS = frozenset(
    {
        "application/octet-stream",
        "application/vnd.apache.arrow.file",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/x-awkward-buffers",
        "application/x-hdf5",
        "application/x-netcdf",
        "application/x-npy",
        "application/x-parquet",
        "application/x-parquet;structure=sparse",
        "application/x-ragged+sql",
        "application/x-tiled-sql-table",
        "application/x-zarr",
        "image/jpeg",
        "image/tiff",
        "multipart/related;type=application/x-npy",
        "multipart/related;type=image/jpeg",
        "multipart/related;type=image/tiff",
        "multipart/related;type=text/csv",
        "text/csv",
        "text/csv;header=absent",
        "text/csv;header=present",
    }
)
"""Mimetypes that a server of Tiled 0.2 reads if it is not told of others."""


def _asset(rule: nodes.AssetRule) -> Iterator[Problem]:
    patterns = rule.match.mimetype if rule.match else None
    for text in patterns.texts if patterns else ():
        if not is_glob(text) and patterns is not None:
            faults = list(_mimetype(text, patterns.span))
            yield from faults or _adapter(rule, text)
    for free in rule.parameters.values():
        yield from _free(free)
    if rule.consolidator is None:
        return
    yield from _consolidator(rule, rule.consolidator)
    needed = _NEEDS.get(rule.consolidator)
    if needed and needed not in rule.needs and needed not in rule.parameters:
        yield Problem(
            "TM405",
            rule.at("consolidator"),
            f"asset rule '{rule.name}' may lack the {needed} that {rule.consolidator} needs",
            label=f"needs a {needed}",
            hint=f"ask for it:  needs: [{needed}],  or give it:  parameters: {{{needed}: …}}",
        )
    if rule.consolidator in _JOINS and rule.join is None:
        yield Problem(
            "TM408",
            rule.at("consolidator"),
            f"asset rule '{rule.name}' does not say how files become one array",
            label="the array's shape depends on it",
            hint="join: stack adds a dimension for them, join: concat does not",
        )


def _unread_files(mapping: nodes.Mapping, repair: nodes.Repairs) -> Iterator[Problem]:
    """Follow the specs of a mapping to what reads their files, and ask who says what that needs.

    A Resource or a Datum may bring it in kwargs of its own. A mapping that relies on that says so
    by declaring them; or else nobody knows before the first file. Inherited rules have been judged
    where they stand.
    """
    home = mapping.at().file
    for rule in repair.resources:
        by_spec = rule.match is not None and rule.match.spec is not None and not is_unread(rule)
        if rule.mimetype is None or not by_spec or rule.at("mimetype").file != home:
            continue
        asset = _reader_of(rule.mimetype, mapping.assets)
        if asset is None:
            continue
        said = {*_said_of(rule, repair), *asset.parameters}
        for needed in [each for each in _needed(asset) if each not in said]:
            yield Problem(
                "TM415",
                rule.at("mimetype"),
                f"nothing says which {needed} the files have that '{rule.name}' takes",
                label=f"'{asset.name}' reads them, and needs a {needed}",
                hint=f"say it:  parameters: {{{needed}: …}}\n"
                f"or, if each resource brings it:  kwargs: {{{needed}: {{type: string}}}}",
                notes=(Note(f"'{asset.name}' is here", asset.at("name")),),
            )


def _said_of(rule: nodes.ResourceRepair, repair: nodes.Repairs) -> Iterator[str]:
    """Yield what repairs say, or declare, of the files that one of them takes."""
    region = FILES.region(rule.match)
    said: tuple[nodes.ResourceRepair | nodes.DatumRepair, ...] = (*repair.resources, *repair.datums)
    for other in said:
        if FILES.overlap(region, FILES.region(other.match)):
            yield from other.parameters
            yield from other.kwargs


def _reader_of(mimetype: str, assets: Sequence[nodes.AssetRule]) -> nodes.AssetRule | None:
    """Find the rule that reads all files of a mimetype; None where that is not certain."""
    region = {"mimetype": (mimetype,)}
    for asset in assets:
        if ASSETS.overlap(region, ASSETS.region(asset.match)):
            return asset if ASSETS.covered(region, certain(ASSETS, [asset])) else None
    return None


def _needed(asset: nodes.AssetRule) -> tuple[str, ...]:
    own = _NEEDS.get(asset.consolidator or "")
    return tuple(dict.fromkeys((*asset.needs, *([own] if own else ()))))


def _consolidator(rule: nodes.AssetRule, consolidator: str) -> Iterator[Problem]:
    if consolidator in CONSOLIDATORS or re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", consolidator):
        return
    plugged = [each.name for each in _entry_points()]
    if consolidator not in plugged:
        known = (*CONSOLIDATORS, *plugged)
        yield Problem(
            "TM406",
            rule.at("consolidator"),
            f"no consolidator is called '{consolidator}'",
            hint=did_you_mean(consolidator, known)
            or f"one of {', '.join(known)}, or package.module:Class",
        )


def _entry_points() -> Iterable[importlib.metadata.EntryPoint]:
    return importlib.metadata.entry_points(group="tiledmap.consolidators")


def _adapter(rule: nodes.AssetRule, mimetype: str) -> Iterator[Problem]:
    """Warn of what no server reads by itself; a facility's consolidator comes with an adapter."""
    if rule.consolidator in CONSOLIDATORS and mimetype not in ADAPTERS:
        yield Problem(
            "TM413",
            rule.match.at("mimetype") if rule.match else rule.at(),
            f"Tiled has no adapter for {mimetype} unless the server is given one",
            label="registering such files fails without it",
            hint="say by which mimetype Tiled knows them:  repair: resources: … mimetype: …",
        )


def _mimetype(text: str, span: Span) -> Iterator[Problem]:
    if not _MIMETYPE.fullmatch(text):
        yield Problem(
            "TM412",
            span,
            f"'{text}' is not a mimetype",
            hint="a mimetype is type/subtype, such as application/x-hdf5",
        )
