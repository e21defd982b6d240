"""The reference meaning of a plan: a layout that walks the plan's steps for every document.

It is slow and plain on purpose. Generated modules must agree with it; the property tests of
tiledmap hold them to that, and a facility can hold its own mappings to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tiledmap.language.expressions import Expr, Path
from tiledmap.plan.passes import paths_in
from tiledmap.plan.steps import (
    NOTHING,
    AssetStep,
    ColumnStep,
    Condition,
    CoordinateStep,
    Copy,
    DataKeyRepairStep,
    DatumRepairStep,
    Entry,
    FieldTest,
    Parts,
    Plan,
    Relation,
    RepairStep,
    Reshape,
    ResourceRepairStep,
    RootRepairStep,
    SidecarStep,
    StoreStep,
    StreamStep,
    TableStep,
    Values,
)
from tiledmap.runtime import (
    AssetRule,
    Column,
    Computed,
    Coordinate,
    DataKeyRepair,
    DatumRepair,
    DocumentRepair,
    Dropped,
    EventField,
    Hook,
    KeyColumn,
    Layout,
    Refused,
    Repairs,
    ResourceRepair,
    RootRepair,
    Run,
    Sidecar,
    Spec,
    Stored,
    Stream,
    Table,
    Timestamp,
    Value,
    declared,
    find_consolidator,
    load_function,
    parse_spec,
)
from tiledmap.testing.evaluate import evaluate, render

Scope = Mapping[str, Any]


def interpret(plan: Plan) -> Layout:
    """Make the layout that a plan means."""
    run = plan.run
    return Layout(
        name=plan.name,
        version=plan.version,
        sha256=plan.sha256,
        additions=plan.additions,
        hooks=tuple(
            Hook(hook.name, hook.document, load_function(hook.function), hook.at)
            for hook in plan.hooks
        ),
        repairs=Repairs(
            **{
                document: tuple(
                    _document_repair(step)
                    for step in plan.document_repairs
                    if step.document == document
                )
                for document in ("start", "descriptor", "stop")
            },
            data_keys=tuple(map(_data_key_repair, plan.data_key_repairs)),
            roots=tuple(map(_root_repair, plan.root_repairs)),
            unmapped=plan.unmapped,
            resources=tuple(map(_resource_repair, plan.resource_repairs)),
            datums=tuple(map(_datum_repair, plan.datum_repairs)),
        ),
        run=Run(
            path=lambda start: _path(run.path, {"start": start}),
            specs=lambda start: _specs(run.specs, {"start": start}),
            access_tags=lambda start: list(_entries(run.access_tags, {"start": start})),
            metadata=lambda start: _metadata(run.metadata, {"start": start}),
            stop_metadata=lambda start, stop: _metadata(
                run.stop_metadata, {"start": start, "stop": stop}
            ),
            on_collision=run.on_collision,
            untagged=run.untagged,
            fallback_tags=run.fallback_tags,
            unfinished=run.unfinished,
            at=run.at,
        ),
        select_stream=_select_stream(plan.streams),
        select_asset=_select_asset(plan.assets) if plan.assets else None,
    )


# ---------------------------------------------------------------- streams


def _select_stream(
    steps: tuple[StreamStep, ...],
) -> Callable[[Any, Any], Stream | Dropped]:
    streams = [_stream(step) for step in steps]

    def select(start: Any, descriptor: Any) -> Stream | Dropped:
        scope = {"start": start, "descriptor": descriptor}
        for step, stream in zip(steps, streams, strict=True):
            if _holds(step.condition, scope):
                return stream
        raise LookupError(f"no rule takes the stream {descriptor.get('name')!r}")

    return select


def _stream(step: StreamStep) -> Stream | Dropped:
    if step.drop is not None:
        return Dropped(step.drop, step.at)
    return Stream(
        step.name,
        path=_of_stream(lambda scope: _path(step.path, scope)),
        specs=_of_stream(lambda scope: _specs(step.specs, scope)),
        metadata=_of_stream(lambda scope: _metadata(step.metadata, scope)),
        updates=step.updates,
        store=_store(step.data),
        tables=tuple(map(_table, step.tables)),
        coordinates=tuple(map(_coordinate, step.coordinates)),
        at=step.at,
    )


def _of_stream(compute: Callable[[Scope], Any]) -> Callable[[Any, Any], Any]:
    return lambda start, descriptor: compute({"start": start, "descriptor": descriptor})


def _of_data_key(compute: Callable[[Scope], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda start, descriptor, data_key: compute(
        {"start": start, "descriptor": descriptor, "data_key": data_key}
    )


def _store(steps: tuple[StoreStep, ...]) -> Callable[[Any, Any, Any], Stored | Dropped]:
    def store(scope: Scope) -> Stored | Dropped:
        for step in steps:
            if _holds(step.condition, scope):
                return _stored(step, scope)
        raise LookupError(f"no rule takes the data key {scope['data_key']['name']!r}")

    return _of_data_key(store)


def _stored(step: StoreStep, scope: Scope) -> Stored | Dropped:
    if step.drop is not None:
        return Dropped(step.drop, step.at)
    return Stored(
        step.store,
        at=step.at,
        path=_path(step.path, scope),
        table=step.table,
        dims=step.dims,
        specs=tuple(_specs(step.specs, scope)),
        metadata=_metadata(step.metadata, scope),
    )


def _coordinate(step: CoordinateStep) -> Coordinate:
    def value(scope: Scope) -> Any:
        wanted = step.when is None or evaluate(step.when, scope)
        return evaluate(step.value, scope) if wanted else None

    return Coordinate(
        step.name,
        path=_of_stream(lambda scope: _path(step.path, scope)),
        value=_of_stream(value),
        type=step.type,
        dims=step.dims,
        specs=_of_stream(lambda scope: _specs(step.specs, scope)) if step.specs else None,
        metadata=(
            None
            if step.metadata == NOTHING
            else _of_stream(lambda scope: _metadata(step.metadata, scope))
        ),
        at=step.at,
    )


# ---------------------------------------------------------------- tables


def _table(step: TableStep) -> Table:
    return Table(
        step.name,
        path=_of_stream(lambda scope: _path(step.path, scope)),
        order=step.order,
        max_columns=step.max_columns,
        specs=_of_stream(lambda scope: _specs(step.specs, scope)) if step.specs else None,
        metadata=lambda start, descriptor, data_keys: _metadata(
            step.metadata, {"start": start, "descriptor": descriptor, "data_keys": data_keys}
        ),
        columns=tuple(map(_column, step.columns)),
        at=step.at,
    )


def _column(step: ColumnStep) -> Column | KeyColumn:
    source = _source(step)
    if step.keys is None:
        return Column(
            name=_of_stream(lambda scope: render(step.name, scope)),
            type=step.type,
            source=source,
            at=step.at,
        )
    keys = step.keys
    return KeyColumn(
        name=_of_data_key(lambda scope: render(step.name, scope)),
        keys=lambda data_key, stored: all(
            _passes(test, {"data_key": data_key, "stored": stored}) for test in keys
        ),
        type=step.type,
        source=source,
        at=step.at,
    )


def _source(step: ColumnStep) -> Value | Timestamp | EventField | Computed:
    match step.source:
        case Path(root="event", steps=(str() as field,)):
            return EventField(field)
        case Path(root="value", steps=()):
            return Value()
        case Path(root="timestamp", steps=()):
            return Timestamp()

    def bind(start: Any, descriptor: Any, data_key: Any) -> Callable[[Any, Any, Any], Any]:
        scope = {"start": start, "descriptor": descriptor, "data_key": data_key}
        constants = {name: evaluate(expr, scope) for name, expr in step.constants.items()}

        def row(event: Any, value: Any, timestamp: Any) -> Any:
            of_row = {"event": event, "value": value, "timestamp": timestamp}
            return evaluate(step.source, {**scope, **constants, **of_row})

        return row

    return Computed(bind)


# ---------------------------------------------------------------- repairs


def _document_repair(step: RepairStep) -> DocumentRepair:
    def scope_of(start: Any, document: Any) -> Scope:
        return {"start": start, step.document: document}

    def repair(start: Any, document: Any) -> dict[str, Any]:
        scope = scope_of(start, document)
        repaired = {
            step.rename.get(key, key): value
            for key, value in document.items()
            if key not in step.without
        }
        return {**repaired, **_set(step.set, scope)}

    return DocumentRepair(
        step.name,
        matches=lambda start, document: _holds(step.condition, scope_of(start, document)),
        repair=repair,
        until=step.until,
        at=step.at,
    )


def _data_key_repair(step: DataKeyRepairStep) -> DataKeyRepair:
    rename = step.rename
    return DataKeyRepair(
        step.name,
        matches=_of_data_key(lambda scope: _holds(step.condition, scope)),
        repair=_of_data_key(
            lambda scope: (
                {
                    **scope["data_key"],
                    **_reshaped(step.shape, scope["data_key"]),
                    **_set(step.set, scope),
                }
                if step.drop is None
                else Dropped(step.drop, step.at)
            )
        ),
        rename=None if rename is None else _of_data_key(lambda scope: render(rename, scope)),
        until=step.until,
        at=step.at,
    )


def _reshaped(step: Reshape | None, data_key: Any) -> dict[str, Any]:
    if step is None:
        return {}
    shape = list(data_key["shape"] if step.lengths is None else step.lengths)
    while step.squeeze and 1 in shape:
        shape.remove(1)
    if step.clamp is not None:
        shape = [None if length is None else max(length, step.clamp) for length in shape]
    while step.pad_left is not None and len(shape) < step.pad_left:
        shape.insert(0, 1)
    return {"shape": shape}


def _root_repair(step: RootRepairStep) -> RootRepair:
    return RootRepair(
        step.name,
        prefix=step.prefix,
        becomes=lambda start: render(step.becomes, {"start": start}),
        until=step.until,
        at=step.at,
    )


def _resource_repair(step: ResourceRepairStep) -> ResourceRepair:
    def scope_of(start: Any, resource: Any) -> Scope:
        return {"start": start, "resource": resource}

    return ResourceRepair(
        step.name,
        matches=lambda start, resource: _holds(step.condition, scope_of(start, resource)),
        mimetype=step.mimetype,
        join=step.join,
        chunks=step.chunks,
        parameters=lambda start, resource: _set(step.parameters, scope_of(start, resource)),
        kwargs=step.kwargs or None,
        until=step.until,
        at=step.at,
    )


def _datum_repair(step: DatumRepairStep) -> DatumRepair:
    def scope_of(start: Any, resource: Any, datum: Any) -> Scope:
        return {"start": start, "resource": resource, "datum": datum}

    return DatumRepair(
        step.name,
        matches=lambda *documents: _holds(step.condition, scope_of(*documents)),
        parameters=lambda *documents: _set(step.parameters, scope_of(*documents)),
        kwargs=step.kwargs or None,
        until=step.until,
        at=step.at,
    )


def _set(values: Mapping[str, Values], scope: Scope) -> dict[str, Any]:
    return {field: _value(given.value, scope) for field, given in values.items()}


# ---------------------------------------------------------------- files


def _select_asset(steps: tuple[AssetStep, ...]) -> Callable[[Any, Any], AssetRule | Refused]:
    rules = [_asset(step) if step.refuse is None else None for step in steps]

    def select(start: Any, stream_resource: Any) -> AssetRule | Refused:
        scope = {"start": start, "stream_resource": stream_resource}
        for step, rule in zip(steps, rules, strict=True):
            if _holds(step.condition, scope):
                return rule or Refused(render(step.refuse or (), scope), step.at)
        raise LookupError(f"no rule takes the mimetype {stream_resource['mimetype']!r}")

    return select


def _asset(step: AssetStep) -> AssetRule:
    def of_resource(compute: Callable[[Scope], Any]) -> Callable[[Any, Any], Any]:
        return lambda start, resource: compute({"start": start, "stream_resource": resource})

    def sidecar(given: SidecarStep) -> Sidecar:
        return Sidecar(given.parameter, of_resource(lambda scope: render(given.uri, scope)))

    return AssetRule(
        step.name,
        consolidator=find_consolidator(step.consolidator),
        needs=step.needs,
        join=step.join,
        chunks=step.chunks,
        parameters=(
            of_resource(lambda scope: _set(step.parameters, scope)) if step.parameters else None
        ),
        asset_parameter=step.asset_parameter,
        sidecars=tuple(map(sidecar, step.sidecars)),
        structure_from=step.structure_from,
        at=step.at,
    )


# ---------------------------------------------------------------- pieces


def _path(path: Iterable[Parts], scope: Scope) -> tuple[str, ...]:
    return tuple(render(parts, scope) for parts in path)


def _entries(entries: Iterable[Entry], scope: Scope) -> Iterator[Any]:
    for entry in entries:
        items = [None] if entry.each is None else evaluate(entry.each, scope)
        for item in items:
            inner = scope if entry.as_ is None else {**scope, entry.as_: item}
            if entry.when is None or evaluate(entry.when, inner):
                yield render(entry.text, inner)


def _specs(entries: Iterable[Entry], scope: Scope) -> list[Spec]:
    return [parse_spec(text) for text in _entries(entries, scope)]


def _metadata(metadata: Copy, scope: Scope) -> dict[str, Any]:
    entries = {
        key: _value(entry.value, scope) if isinstance(entry, Values) else _metadata(entry, scope)
        for key, entry in metadata.entries.items()
    }
    return {**_copied(metadata, scope), **entries}


def _copied(metadata: Copy, scope: Scope) -> dict[str, Any]:
    if metadata.document is None:
        return {}
    document = scope[metadata.document]
    if metadata.document == "data_key":
        document = declared(document)
    return {
        field: value
        for field, value in document.items()
        if field not in metadata.without and (not metadata.only or field in metadata.only)
    }


def _value(value: Any, scope: Scope) -> Any:
    match value:
        case dict():
            return {key: _value(item, scope) for key, item in value.items()}
        case list():
            return [_value(item, scope) for item in value]
        case tuple() if any(path.root == "index" for path in _paths(value)):
            return lambda index: render(value, {**scope, "index": index})
        case tuple():
            return render(value, scope)
        case _:
            return value


def _paths(parts: Parts) -> Iterator[Path]:
    for part in parts:
        if isinstance(part, Expr):
            yield from paths_in(part)


def _holds(condition: Condition, scope: Scope) -> bool:
    return all(_passes(test, scope) for test in condition.tests) and (
        condition.when is None or bool(evaluate(condition.when, scope))
    )


def _passes(test: FieldTest, scope: Scope) -> bool:
    subject = scope[test.subject]
    value = subject if test.subject == "stored" else subject.get(test.field)
    match test.relation:
        case Relation.PRESENT:
            return value is not None
        case Relation.ABSENT:
            return value is None
        case Relation.ONE_OF:
            return value in test.values
        case Relation.LIKE:
            return isinstance(value, str) and any(
                fnmatchcase(value, pattern) for pattern in test.values
            )
        case Relation.SAME_TEXT:
            return isinstance(value, str) and any(
                fnmatchcase(value.casefold(), pattern.casefold()) for pattern in test.values
            )
        case Relation.SHAPED:
            return _shape_of(value) in test.values


def _shape_of(shape: Any) -> str:
    if not shape:
        return "scalar"
    return "ragged" if any(length is None for length in shape) else "fixed"
