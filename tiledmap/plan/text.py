"""A plan as text: what happens to each document, and which line of the mapping says so.

The text is stable: it depends on the plan alone, so two plans can be compared by it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tiledmap.language.expressions import Expr
from tiledmap.plan.notation import Notation
from tiledmap.plan.steps import (
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
    RunStep,
    StoreStep,
    StreamStep,
    TableStep,
    Values,
)

if TYPE_CHECKING:
    from tiledmap.display.branch import Branch

WIDTH = 96
"""Columns that words take before the place, where they fit."""

_notation = Notation()


Line: TypeAlias = tuple[int, str, str]
"""Depth, words, place."""


def format_plan(plan: Plan) -> str:
    """Print a plan, one step a line, each with its place in the mapping at the right."""
    return "\n".join(_align(plan_lines(plan))) + "\n"


def _align(lines: Iterable[Line]) -> Iterator[str]:
    for depth, words, at in lines:
        text = "  " * depth + words
        yield f"{text:<{WIDTH}}  {at}".rstrip() if at else text.rstrip()


def plan_as_html(plan: Plan) -> str:
    """Return a plan for a notebook, where each part of it can be folded away."""
    from tiledmap.display.branch import Fact, Section
    from tiledmap.display.html import trees_as_html

    lines = [line for line in plan_lines(plan) if line[1]]
    sections = [Section(line[1], _branches(below)) for line, below in _under(lines, 0) if below]
    settings = tuple(f"{name} = {value!r}" for name, value in plan.settings.items())
    return trees_as_html(
        f"{plan.name} {plan.version}",
        sections,
        lead="plan",
        heading=[Fact("settings", settings)] if settings else [],
        open_depth=len(lines),
        plain=True,
    )


def _branches(lines: Sequence[Line]) -> list["Branch"]:
    from tiledmap.display.branch import Branch

    return [
        Branch(words, place=at, children=_branches(below))
        for (_, words, at), below in _under(lines, lines[0][0] if lines else 0)
    ]


def _under(lines: Iterable[Line], depth: int) -> list[tuple[Line, list[Line]]]:
    """Return the lines of a depth, each with those that stand deeper below it."""
    found: list[tuple[Line, list[Line]]] = []
    for line in lines:
        if line[0] == depth:
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def plan_lines(plan: Plan) -> Iterator[Line]:
    """Yield the lines of a plan; an empty one stands between its sections."""
    yield 0, f"{plan.name} {plan.version}" + (f": {plan.title}" if plan.title else ""), ""
    yield 0, f"sha256 {plan.sha256}", ""
    for name, value in plan.settings.items():
        yield 0, f"setting {name} = {value!r}", ""
    yield from _arrival(plan)
    yield 0, "", ""
    yield from _run(plan.run)
    for stream in plan.streams:
        yield 0, "", ""
        yield from _stream(stream)
    if plan.assets:
        yield 0, "", ""
        yield 0, "on stream_resource, the first that fits", ""
        for asset in plan.assets:
            yield from _asset(asset)
    yield 0, "", ""
    yield 0, "on stop", ""
    yield 1, "write every row that is left", ""
    yield from _metadata(1, "merge into the run's metadata", plan.run.stop_metadata)


def _arrival(plan: Plan) -> Iterator[Line]:
    steps: list[Line] = []
    for document, added in plan.additions.items():
        for field, schema in added["properties"].items():
            need = "has" if field in added["required"] else "may have"
            steps.append((1, f"{document} {need} {field}: {schema.get('type', 'anything')}", ""))
    for hook in plan.hooks:
        steps.append((1, f"{hook.name}: {hook.document} becomes {hook.function}(it)", hook.at))
    for step in plan.document_repairs:
        steps.extend(_document_repair(step))
    for data_key in plan.data_key_repairs:
        steps.extend(_data_key_repair(data_key))
    for root in plan.root_repairs:
        steps.extend(_root_repair(root))
    if plan.root_repairs or plan.unmapped != "pass":
        steps.append((1, f"a path that no repair of roots fits: {plan.unmapped}", ""))
    for resource in plan.resource_repairs:
        steps.extend(_resource_repair(resource))
    for datum in plan.datum_repairs:
        steps.extend(_datum_repair(datum))
    if steps:
        yield 0, "", ""
        yield 0, "on arrival", ""
        yield from steps


def _document_repair(step: RepairStep) -> Iterator[Line]:
    yield _repair(step, step.document, _where(step.condition))
    yield from _values(2, step.set)
    for old, new in step.rename.items():
        yield 2, f"{old} becomes {new}", step.at
    for field, reason in step.without.items():
        yield 2, f"without {field}: {reason}", step.at


def _data_key_repair(step: DataKeyRepairStep) -> Iterator[Line]:
    yield _repair(step, "data key", _where(step.condition))
    if step.shape is not None:
        yield 2, f"shape{_reshaped(step.shape)}", step.shape.at
    yield from _values(2, step.set)
    if step.rename is not None:
        yield 2, f"name = {_text(step.rename)}", step.at
    if step.drop is not None:
        yield 2, f"drop: {step.drop}", step.at


def _reshaped(shape: Reshape) -> str:
    words = []
    if shape.lengths is not None:
        words.append(f" = {_value(list(shape.lengths))}")
    if shape.squeeze:
        words.append(" without lengths of 1")
    if shape.clamp is not None:
        words.append(f" of at least {shape.clamp} each way")
    if shape.pad_left is not None:
        words.append(f" with lengths of 1 before it, up to {shape.pad_left} dimensions")
    return ",".join(words)


def _root_repair(step: RootRepairStep) -> Iterator[Line]:
    yield _repair(step, "root")
    yield 2, f"{step.prefix} becomes {_text(step.becomes)}", ""


def _resource_repair(step: ResourceRepairStep) -> Iterator[Line]:
    yield _repair(step, "resource", _where(step.condition))
    yield from _kwargs(step.kwargs)
    yield from _given(mimetype=step.mimetype, join=step.join, chunks=step.chunks)
    yield from _values(2, step.parameters, "parameter ")


def _datum_repair(step: DatumRepairStep) -> Iterator[Line]:
    yield _repair(step, "datum", _where(step.condition))
    yield from _kwargs(step.kwargs)
    yield from _values(2, step.parameters, "parameter ")


def _repair(
    step: RepairStep | DataKeyRepairStep | RootRepairStep | ResourceRepairStep | DatumRepairStep,
    what: str,
    where: str = "",
) -> Line:
    until = f", until {step.until}" if step.until else ""
    return 1, f"{step.name}: repair {what}{where}{until}", step.at


def _kwargs(schema: Mapping[str, Any]) -> Iterator[Line]:
    for name, declared in schema.get("properties", {}).items():
        need = "has" if name in schema["required"] else "may have"
        yield 2, f"its kwargs {need} {name}: {_value(declared)}", ""


def _given(**fields: Any) -> Iterator[Line]:
    for name, value in fields.items():
        if value:
            shown = _value(list(value)) if isinstance(value, tuple) else value
            yield 2, f"{name} = {shown}", ""


def _values(depth: int, named: Mapping[str, Values], what: str = "") -> Iterator[Line]:
    for name, values in named.items():
        yield depth, f"{what}{name} = {_value(values.value)}", values.at


def _run(run: RunStep) -> Iterator[Line]:
    yield 0, "on start", ""
    yield 1, f"container {_path(run.path)}", run.at
    yield 2, f"on collision: {run.on_collision}", ""
    yield from _entries(2, "spec", run.specs)
    yield from _entries(2, "access tag", run.access_tags)
    if run.fallback_tags:
        yield 2, f"else access tags {', '.join(run.fallback_tags)}", ""
    yield 2, f"untagged: {run.untagged}", ""
    if run.unfinished != "leave":
        yield 2, f"unfinished: {run.unfinished}", ""
    yield from _metadata(2, "metadata", run.metadata)


def _stream(stream: StreamStep) -> Iterator[Line]:
    yield 0, f"on descriptor{_where(stream.condition)}  [{stream.name}]", stream.at
    if stream.drop is not None:
        yield 1, f"drop: {stream.drop}", stream.at
        return
    yield 1, f"container RUN/{_path(stream.path)}", stream.at
    yield from _entries(2, "spec", stream.specs)
    yield from _metadata(2, "metadata", stream.metadata)
    if stream.updates:
        yield 2, f"later descriptors are added to metadata {stream.updates}", ""
    yield 1, "each data key, by the first that fits", ""
    for store in stream.data:
        yield from _store(store)
    for table in stream.tables:
        yield from _table(table)
    for coordinate in stream.coordinates:
        yield from _coordinate(coordinate)
    for field, reason in stream.not_stored.items():
        yield 1, f"event.{field} is not stored: {reason}", ""


def _store(store: StoreStep) -> Iterator[Line]:
    if store.drop is not None:
        yield 2, f"{store.name}: drop{_where(store.condition)}: {store.drop}", store.at
        return
    where = f"table {store.table}" if store.store == "table" else f"STREAM/{_path(store.path)}"
    dims = f" ({', '.join(store.dims)})" if store.dims else ""
    yield (
        2,
        f"{store.name}: {store.store} {where}{dims}{_where(store.condition)}",
        store.at,
    )
    yield from _entries(3, "spec", store.specs)
    yield from _metadata(3, "metadata", store.metadata)


def _table(table: TableStep) -> Iterator[Line]:
    widest = f", at most {table.max_columns} columns a part" if table.max_columns else ""
    order = f", in order of {table.order}" if table.order else ""
    yield 1, f"table {table.name} STREAM/{_path(table.path)}{order}{widest}", table.at
    yield from _entries(2, "spec", table.specs)
    yield from _metadata(2, "metadata", table.metadata)
    for column in table.columns:
        yield 2, _column(column), column.at
        for name, constant in column.constants.items():
            yield 3, f"{name} = {_notation.write(constant)}, once for the stream", ""


def _column(column: ColumnStep) -> str:
    kind = f": {column.type}" if column.type else ""
    keys = ""
    if column.keys is not None:
        keys = " for each data key" + _where(Condition(column.keys))
    return f"column {_text(column.name)}{kind} = {_notation.write(column.source)}{keys}"


def _coordinate(step: CoordinateStep) -> Iterator[Line]:
    kind = f": {step.type}" if step.type else ""
    dims = f" ({', '.join(step.dims)})" if step.dims else ""
    when = _where(Condition(when=step.when))
    source = _notation.write(step.value)
    yield 1, f"array {step.name} STREAM/{_path(step.path)}{kind} = {source}{dims}{when}", step.at
    yield from _entries(2, "spec", step.specs)
    yield from _metadata(2, "metadata", step.metadata)


def _asset(asset: AssetStep) -> Iterator[Line]:
    yield 1, f"{asset.name}:{_where(asset.condition) or ' whatever is left'}", asset.at
    if asset.refuse is not None:
        yield 2, f"refuse: {_text(asset.refuse)}", ""
        return
    yield 2, f"consolidator {asset.consolidator}, structure from {asset.structure_from}", ""
    yield from _given(
        needs=asset.needs,
        join=asset.join,
        chunks=asset.chunks,
        asset_parameter=asset.asset_parameter,
    )
    yield from _values(2, asset.parameters, "parameter ")
    for sidecar in asset.sidecars:
        yield 2, f"parameter {sidecar.parameter} = the file {_text(sidecar.uri)}", sidecar.at


def _entries(depth: int, what: str, entries: Iterable[Entry]) -> Iterator[Line]:
    for entry in entries:
        each = f" for each {entry.as_} in {_notation.write(entry.each)}" if entry.each else ""
        when = f" when {_notation.write(entry.when)}" if entry.when else ""
        yield depth, f"{what} {_text(entry.text)}{each}{when}", entry.at


def _metadata(depth: int, name: str, metadata: Copy) -> Iterator[Line]:
    if metadata.document is None and not metadata.entries:
        return
    copied = f" = {metadata.document}" if metadata.document else ""
    yield depth, f"{name}{copied}", metadata.at
    for field, reason in metadata.without.items():
        yield depth + 1, f"without {field}: {reason}", ""
    for field, reason in metadata.only.items():
        yield depth + 1, f"only {field}: {reason}", ""
    for key, entry in metadata.entries.items():
        if isinstance(entry, Values):
            yield depth + 1, f"{key} = {_value(entry.value)}", entry.at
        else:
            yield from _metadata(depth + 1, key, entry)


def _where(condition: Condition) -> str:
    words = [_test(test) for test in condition.tests]
    if condition.when is not None:
        words.append(_notation.write(condition.when))
    return f" where {' and '.join(words)}" if words else ""


def _test(test: FieldTest) -> str:
    values = " | ".join(test.values)
    subject = test.subject if test.subject == "stored" else f"{test.subject}.{test.field}"
    relation = "" if test.relation in (Relation.ONE_OF, Relation.SHAPED) else f"{test.relation} "
    return f"{subject} is {relation}{values}".rstrip()


def _path(path: Iterable[Parts]) -> str:
    return "/".join(map(_text, path))


def _text(parts: Parts) -> str:
    return _notation.parts(parts)


def _value(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_value(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case tuple() if all(isinstance(part, str | Expr) for part in value):
            return _seen(_text(value))
        case _:
            return _seen(str(value))


def _seen(text: str) -> str:
    """Quote a text whose end could not be seen."""
    return text if text and text == text.strip() else f'"{text}"'
