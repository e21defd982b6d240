"""Where a stream is stored: nodes, tables and arrays, decided when its descriptor arrives."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tiledmap.runtime.arrays import ArrayNode, DenseRows, DimensionNames, RaggedRows
from tiledmap.runtime.binding import Binding, BoundArray, BoundFiles, EventTrouble
from tiledmap.runtime.columns import JSON_TEXT, column_type
from tiledmap.runtime.consolidators.base import Declared
from tiledmap.runtime.documents import (
    declared,
    describe,
    numpy_dtype,
    rename_data_keys,
    row_shape,
)
from tiledmap.runtime.errors import InvalidDocumentError, in_words
from tiledmap.runtime.exact import NodeMetadata, make_exact
from tiledmap.runtime.external import ExternalRows, Remarks
from tiledmap.runtime.file_parts import FileParts
from tiledmap.runtime.files import Files
from tiledmap.runtime.layout import Coordinate, Document, Dropped, Layout, Stored, Stream, Value
from tiledmap.runtime.names import describe_renaming, node_key_problem, safe_names
from tiledmap.runtime.ops import (
    CreateArray,
    CreateContainer,
    CreateNode,
    Op,
    PatchMetadata,
    Path,
    Spec,
)
from tiledmap.runtime.tables import TableContext, TablePart, table_parts

Signature = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream's node is made, and for whom."""

    run: str
    run_path: Path
    access_tags: tuple[str, ...] | None
    files: Files
    taken: Collection[Path] = ()
    """Paths of the run's other nodes."""
    continues: str | None = None
    """Key of the node that this one continues."""


@dataclass(slots=True)
class StreamPlan:
    """What a layout makes of one descriptor."""

    rule: Stream
    name: str
    start: Document
    descriptor: Document
    keys: dict[str, str]
    data_keys: dict[str, dict[str, Any]]
    stored: dict[str, Stored]
    notes: list[str]

    @property
    def signature(self) -> Signature:
        """What must be equal for the rows of two descriptors to fit the same nodes."""
        return (
            self.rule.name,
            tuple(
                sorted((str(key), name, *self._storage(name)) for key, name in self.keys.items())
            ),
        )

    def _storage(self, name: str) -> tuple[str, ...]:
        stored = self.stored.get(name)
        if stored is None:
            return ("dropped",)
        data_key = self.data_keys[name]
        if stored.store == "table":
            return ("table", stored.table, str(column_type(data_key)))
        shape = str(row_shape(data_key))
        return (stored.store, str(stored.path), str(numpy_dtype(data_key)), shape)


@dataclass(slots=True)
class StreamNode:
    """A stream's node, and what was written to it."""

    plan: StreamPlan
    path: Path
    specs: tuple[Spec, ...]
    metadata: NodeMetadata
    binding: Binding
    dimensions: DimensionNames
    coordinates: list[CreateArray]
    updates: list[dict[str, Any]] = field(default_factory=list)


def plan_stream(
    layout: Layout,
    start: Document,
    descriptor: Document,
    renamed: Mapping[str, str],
    dropped: Mapping[str, Dropped],
) -> StreamPlan | Dropped:
    """What `layout` makes of a descriptor.

    Parameters
    ----------
    descriptor
        In standard form and repaired.
    renamed
        For each data key, as events name it, its name in `descriptor`.
    dropped
        The data keys, as events name them, that a repair has dropped.
    """
    rule = layout.select_stream(start, descriptor)
    if isinstance(rule, Dropped):
        return rule
    stream = descriptor.get("name", "primary")
    names = _storable_names(rule, start, descriptor)
    keys = {key: names.get(name, name) for key, name in renamed.items()}
    descriptor = rename_data_keys(descriptor, names)
    data_keys = {name: describe(name, given) for name, given in descriptor["data_keys"].items()}
    stored = {}
    notes = describe_renaming(names, stream)
    notes += [
        f"data_key {key!r} in stream {stream!r} is not stored: {drop.reason}"
        for key, drop in dropped.items()
    ]
    for name, data_key in data_keys.items():
        decision = rule.store(start, descriptor, data_key)
        if isinstance(decision, Stored):
            stored[name] = decision
            if decision.store == "table" and column_type(data_key) == JSON_TEXT:
                notes.append(f"data_key {name!r} in stream {stream!r} is stored as JSON text")
        else:
            notes.append(f"data_key {name!r} in stream {stream!r} is not stored: {decision.reason}")
    keys |= dict.fromkeys(dropped, "")
    return StreamPlan(rule, stream, start, descriptor, keys, data_keys, stored, notes)


def _storable_names(rule: Stream, start: Document, descriptor: Document) -> dict[str, str]:
    def in_table(name: str) -> bool:
        decision = rule.store(start, descriptor, describe(name, descriptor["data_keys"][name]))
        return isinstance(decision, Stored) and decision.store == "table"

    return safe_names(descriptor["data_keys"], in_table=in_table)


def check_paths(paths: Sequence[Path]) -> None:
    """Refuse nodes that Tiled would accept and then could not find again, and two of one path.

    The first path is the stream's, all others lie below it.
    """
    for path in paths:
        for key in path:
            if problem := node_key_problem(key):
                raise ValueError(problem)
    twice = next((path for place, path in enumerate(paths) if path in paths[:place]), None)
    if twice is not None:
        raise ValueError(f"two nodes would be {'/'.join(twice)}")
    _, *inside = paths
    for path in inside:
        if any(other[: len(path)] == path and other != path for other in inside):
            raise ValueError(f"{'/'.join(path)} would be a node of data and a container")


def open_stream(plan: StreamPlan, place: Place, trouble: EventTrouble) -> StreamNode:
    """Decide everything about the node of a stream. Nothing is written yet.

    Raises
    ------
    Exception
        Whatever a rule raises; a `ValueError` where Tiled could not store what it asks for.
    """
    start, descriptor = plan.start, plan.descriptor
    path = _free_path((*place.run_path, *plan.rule.path(start, descriptor)), place.taken)
    metadata = plan.rule.metadata(start, descriptor)
    specs = tuple(plan.rule.specs(start, descriptor))
    if place.continues is not None:
        metadata = {**metadata, "continues": place.continues}
    context = TableContext(start, descriptor, plan.data_keys, plan.stored)
    tables = [table_parts(table, path, context) for table in plan.rule.tables]
    if any(len(parts) > 1 for parts in tables):
        # Below a composite node Tiled wants each column's name but once; parts repeat some.
        specs = tuple(spec for spec in specs if spec.name != "composite")
    parts = [part for parts in tables for part in parts if part.columns]
    dimensions = DimensionNames()
    arrays = [
        _bound_array(plan, name, stored, place, path, dimensions, trouble)
        for name, stored in plan.stored.items()
        if stored.store in ("array", "ragged")
    ]
    files = [
        _bound_files(plan, key, place, path, dimensions, trouble)
        for key, name in plan.keys.items()
        if name in plan.stored and plan.stored[name].store == "files"
    ]
    coordinates = list(_coordinates(plan, place, path, trouble))
    binding = Binding(
        run=place.run,
        keys=plan.keys,
        tables=parts,
        arrays=arrays,
        files=files,
        dropped=frozenset(key for key, name in plan.keys.items() if name not in plan.stored),
        trouble=trouble,
    )
    check_paths([path, *binding.paths, *(op.path for op in coordinates)])
    return StreamNode(plan, path, specs, NodeMetadata(metadata), binding, dimensions, coordinates)


def _free_path(path: Path, taken: Collection[Path]) -> Path:
    """`path`, or the first of path_2, path_3, … that no other node of the run has."""
    *above, key = path
    number = 1
    while path in taken:
        number += 1
        path = (*above, f"{key}_{number}")
    return path


def opening_ops(node: StreamNode, place: Place, made: set[Path]) -> Iterator[CreateContainer]:
    """Ops that make a stream's node, and the containers above it and inside it."""
    at = node.plan.rule.at
    yield from _containers_above(node.path, len(place.run_path), place, at, made)
    yield CreateContainer(
        run=place.run,
        path=node.path,
        at=at,
        metadata=node.metadata.created,
        specs=node.specs,
        access_tags=place.access_tags,
    )
    for path in [*node.binding.paths, *(op.path for op in node.coordinates)]:
        yield from _containers_above(path, len(node.path), place, at, made)


def give_nodes_of_their_own(
    node: StreamNode, part: TablePart, columns: Collection[str], place: Place, trouble: EventTrouble
) -> list[str]:
    """Take values out of a table that cannot hold them: each of these columns becomes an array.

    Returns
    -------
    list[str]
        The data keys that are arrays now.
    """
    moved = [
        column.data_key
        for column in part.columns
        if column.name in columns and column.data_key and isinstance(column.source, Value)
    ]
    part.columns = tuple(
        column
        for column in part.columns
        if column.data_key not in moved or not isinstance(column.source, Value)
    )
    for name in moved:
        stored = Stored(
            "array",
            at=node.plan.stored[name].at,
            path=(*part.path[len(node.path) : -1], name),
            dims=("time", "..."),
            metadata=declared(node.plan.data_keys[name]),
        )
        node.binding.arrays.append(
            _bound_array(node.plan, name, stored, place, node.path, node.dimensions, trouble)
        )
    return moved


def _containers_above(
    path: Path, depth: int, place: Place, at: str, made: set[Path]
) -> Iterator[CreateContainer]:
    """Ops that make the containers between `depth` and a node, those that are not there yet."""
    for end in range(depth + 1, len(path)):
        above = path[:end]
        if above not in made:
            made.add(above)
            yield CreateContainer(
                run=place.run, path=above, at=at, metadata={}, access_tags=place.access_tags
            )


def update_of(descriptor: Document, known: Document) -> dict[str, Any]:
    """What a later descriptor of a stream says anew, for the list of its updates."""
    update = {"uid": descriptor["uid"], "time": descriptor["time"]}
    if descriptor.get("configuration"):
        update["configuration"] = descriptor["configuration"]
    changed = {
        name: data_key
        for name, data_key in descriptor["data_keys"].items()
        if data_key != known["data_keys"].get(name)
    }
    return {**update, "data_keys": changed} if changed else update


def updating_ops(node: StreamNode, plan: StreamPlan) -> Iterator[Op]:
    """The op that adds a later descriptor to a stream's metadata."""
    field_name = node.plan.rule.updates
    if field_name is None:
        return
    node.updates.append(update_of(plan.descriptor, node.plan.descriptor))
    # A merge patch replaces lists, so all of the list is sent.
    patch = node.metadata.patched({field_name: node.updates})
    yield PatchMetadata(run=plan.start["uid"], path=node.path, at=node.plan.rule.at, patch=patch)


def _template(stored: Stored, place: Place, path: Path, metadata: dict[str, Any]) -> CreateNode:
    """What is known of the node of a data key before any of its values is."""
    return CreateNode(
        run=place.run,
        path=(*path, *stored.path),
        at=stored.at,
        metadata=metadata,
        specs=stored.specs,
        access_tags=place.access_tags,
    )


def _bound_array(
    plan: StreamPlan,
    name: str,
    stored: Stored,
    place: Place,
    path: Path,
    dimensions: DimensionNames,
    trouble: EventTrouble,
) -> BoundArray:
    data_key = plan.data_keys[name]
    node = ArrayNode(
        declared=numpy_dtype(data_key),
        shape=row_shape(data_key),
        dims=stored.dims,
        own_dims=tuple(data_key.get("dims") or ()),
        names=dimensions,
        remarks=_ArrayRemarks(trouble, name, stored.at),
        template=_template(stored, place, path, make_exact(stored.metadata)),
    )
    return BoundArray(name, RaggedRows(node) if stored.store == "ragged" else DenseRows(node))


def _bound_files(
    plan: StreamPlan,
    key: str,
    place: Place,
    path: Path,
    dimensions: DimensionNames,
    trouble: EventTrouble,
) -> BoundFiles:
    name = plan.keys[key]
    stored = plan.stored[name]
    data_key = plan.data_keys[name]
    topic = f"files of {name!r}"

    def note(text: str) -> None:
        trouble.note(f"{topic}: {text}", topic)

    def lost(seq_num: Any, value: Any, reason: str, at: str) -> None:
        trouble.lost(name, seq_num, value, reason, at)

    declared = Declared(
        name=name,
        shape=row_shape(data_key),
        dtype=numpy_dtype(data_key),
        dims=tuple(data_key.get("dims") or ()),
    )
    rows = ExternalRows(
        # What the files say of themselves comes beside it before it is made exact.
        template=_template(stored, place, path, dict(stored.metadata)),
        files=place.files,
        parts=FileParts(key, declared, stored.dims, place.files, note),
        loaded=_bound_array(plan, name, stored, place, path, dimensions, trouble).rows,
        remarks=Remarks(note, lost),
    )
    return BoundFiles(name, rows)


def _coordinates(
    plan: StreamPlan, place: Place, path: Path, trouble: EventTrouble
) -> Iterator[CreateArray]:
    """Ops for the arrays that a stream has from its descriptor."""
    for rule in plan.rule.coordinates:
        topic = f"coordinate {rule.name!r}"
        try:
            values = rule.value(plan.start, plan.descriptor)
            if values is not None:
                yield _coordinate_op(rule, np.asarray(values, rule.type), plan, place, path)
        except Exception as error:  # a rule meets a descriptor that it did not foresee
            trouble.note(
                f"{topic} is not stored: {in_words(error)} (asked for at {rule.at})", topic
            )


def _coordinate_op(
    rule: Coordinate, data: np.ndarray[Any, Any], plan: StreamPlan, place: Place, path: Path
) -> CreateArray:
    if data.dtype.hasobject or data.ndim == 0 or data.size == 0:
        raise InvalidDocumentError("its value is no array of numbers or texts")
    dims = rule.dims or ((rule.name,) if data.ndim == 1 else None)
    if dims is not None and len(dims) != data.ndim:
        raise InvalidDocumentError(f"it has {data.ndim} dimensions, and {len(dims)} names for them")
    start, descriptor = plan.start, plan.descriptor
    return CreateArray(
        run=place.run,
        path=(*path, *rule.path(start, descriptor)),
        at=rule.at,
        metadata=make_exact(rule.metadata(start, descriptor) if rule.metadata else {}),
        specs=tuple(rule.specs(start, descriptor)) if rule.specs else (),
        access_tags=place.access_tags,
        data=data,
        dims=dims,
    )


@dataclass(frozen=True, slots=True)
class _ArrayRemarks:
    trouble: EventTrouble
    name: str
    at: str

    def note(self, text: str) -> None:
        self.trouble.note(f"array {self.name!r}: {text}", f"array {self.name!r}")

    def lost(self, seq_num: Any, value: Any, reason: str) -> None:
        self.trouble.lost(self.name, seq_num, value, reason, self.at)
