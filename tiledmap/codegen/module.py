"""A plan as a Python module.

`generate` turns each step of a plan into a function or a value of `tiledmap.runtime`; a Jinja
template puts them in order. The text depends on the plan and on tiledmap's version alone: no time,
no path of a machine.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jinja2

from tiledmap import __version__
from tiledmap.codegen.layout import (
    INDENT,
    AllOf,
    Code,
    attach,
    call,
    dict_of,
    lines_of,
    list_of,
    tuple_of,
)
from tiledmap.codegen.python import PythonNotation, identifier
from tiledmap.language.expressions import Path
from tiledmap.plan.notation import quote
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
    Parts,
    Plan,
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

API_VERSION = 1

_UNSAFE_IN_DOCSTRING = re.compile(r"[^\w .,;:()/+-]+")

START = "start"
STREAM = "start, descriptor"
DATA_KEY = "start, descriptor, data_key"
TABLE = "start, descriptor, data_keys"
STOP = "start, stop"
RESOURCE = "start, resource"
DATUM = "start, resource, datum"
STREAM_RESOURCE = "start, stream_resource"


def generate(plan: Plan) -> str:
    """Write the module of a plan."""
    return _Module(plan).text()


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tiledmap.codegen"),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("module.py.jinja")


class _Module:
    """The definitions of one module, in the order in which they are needed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._python = PythonNotation({"writer", "LAYOUT"})
        self._definitions: list[str] = []

    def text(self) -> str:
        plan = self._plan
        layout = self._layout()
        if self._python.facility_functions:
            self._python.use("load_facility_function")
        self._python.use("open_writer")
        self._python.use("require_api")
        return _template().render(
            plan=plan,
            title=_UNSAFE_IN_DOCSTRING.sub(" ", plan.title).strip().rstrip("."),
            tool_version=__version__,
            api_version=API_VERSION,
            patterns={name: quote(pattern) for pattern, name in self._python.patterns.items()},
            facility_functions=self._python.facility_functions,
            imports=sorted(self._python.imports, key=_import_order),
            definitions=self._definitions,
            layout="\n".join(lines_of(layout, before="LAYOUT = ")),
        )

    # ------------------------------------------------------------ definitions

    def _define(self, name: str, arguments: str, at: str, body: Iterable[str]) -> str:
        """Add a function, its body indented already, and return its name."""
        name = self._python.define(name)
        place = f"  # {at}" if at else ""
        lines = [f"def {name}({arguments}):{place}", *body]
        self._definitions.append("\n".join(lines))
        return name

    def _returning(self, name: str, arguments: str, at: str, code: Code) -> str:
        return self._define(name, arguments, at, lines_of(code, 1, before="return "))

    def _constant(self, name: str, code: Code) -> str:
        name = self._python.define(name.upper())
        self._definitions.append("\n".join(lines_of(code, before=f"{name} = ")))
        return name

    def _runtime(self, function: str, /, *arguments: Code, **named: Code | None) -> Code:
        """A call of something in `tiledmap.runtime`; arguments that are None are left out."""
        given = {key: value for key, value in named.items() if value is not None}
        return call(self._python.use(function), *arguments, **given)

    # ------------------------------------------------------------ the layout

    def _layout(self) -> Code:
        plan = self._plan
        return self._runtime(
            "Layout",
            name=quote(plan.name),
            version=quote(plan.version),
            sha256=quote(plan.sha256),
            additions=self._literal(plan.additions) if plan.additions else None,
            hooks=self._hooks(),
            repairs=self._repairs(),
            run=self._run(),
            select_stream=self._select_stream(),
            select_asset=self._select_asset() if plan.assets else None,
        )

    def _literal(self, value: Any) -> Code:
        """Plain data as nested displays."""
        match value:
            case dict():
                return dict_of(
                    *(
                        attach(f"{quote(str(key))}: ", self._literal(item))
                        for key, item in value.items()
                    )
                )
            case list() | tuple():
                return list_of(*map(self._literal, value))
            case str():
                return quote(value)
            case _:
                return repr(value)

    def _hooks(self) -> Code | None:
        hooks = [
            self._runtime(
                "Hook",
                quote(hook.name),
                document=quote(hook.document),
                function=self._runtime("load_function", quote(hook.function)),
                at=quote(hook.at),
            )
            for hook in self._plan.hooks
        ]
        return _some(hooks)

    # ------------------------------------------------------------ the run

    def _run(self) -> Code:
        run = self._plan.run
        return self._runtime(
            "Run",
            path=self._path("run_path", START, run.at, run.path),
            specs=self._specs("run_specs", START, run.at, run.specs),
            access_tags=self._entries(
                "run_access_tags", START, run.at, run.access_tags, self._python.text
            ),
            metadata=self._metadata("run_metadata", START, run.metadata),
            stop_metadata=self._metadata("run_stop_metadata", STOP, run.stop_metadata),
            on_collision=quote(run.on_collision),
            untagged=quote(run.untagged),
            fallback_tags=_texts(run.fallback_tags or None),
            unfinished=None if run.unfinished == "leave" else quote(run.unfinished),
            at=quote(run.at),
        )

    # ------------------------------------------------------------ streams

    def _select_stream(self) -> str:
        body: list[str] = []
        for stream in self._plan.streams:
            if stream.drop is not None:
                result = self._runtime("Dropped", quote(stream.drop), quote(stream.at))
            else:
                result = self._stream(stream)
            body.extend(self._branch(stream, result))
            if stream.condition.always:
                break
        else:
            body.append(_nothing_fits("stream", "descriptor.get('name')"))
        return self._define("select_stream", STREAM, "", body)

    def _branch(self, step: StreamStep | StoreStep | AssetStep, result: Code) -> Iterable[str]:
        """Return `result` where the step's condition holds."""
        conditions = self._python.condition(step.condition)
        if conditions:
            yield from lines_of(AllOf(tuple(conditions)), 1, before="if ", after=":")
        yield from lines_of(result, depth=2 if conditions else 1, before="return ")

    def _stream(self, stream: StreamStep) -> str:
        stem = identifier(stream.name)
        return self._constant(
            stem,
            self._runtime(
                "Stream",
                quote(stream.name),
                path=self._path(f"{stem}_path", STREAM, stream.at, stream.path),
                specs=self._specs(f"{stem}_specs", STREAM, stream.at, stream.specs),
                metadata=self._metadata(f"{stem}_metadata", STREAM, stream.metadata),
                updates=_text(stream.updates),
                store=self._store(stream, stem),
                tables=tuple_of(*(self._table(table, stem) for table in stream.tables)),
                coordinates=_some(self._coordinate(step, stem) for step in stream.coordinates),
                at=quote(stream.at),
            ),
        )

    def _store(self, stream: StreamStep, stem: str) -> str:
        body: list[str] = []
        for step in stream.data:
            body.extend(self._branch(step, self._stored(step, stem)))
            if step.condition.always:
                break
        else:
            body.append(_nothing_fits("data key", "data_key['name']"))
        return self._define(f"{stem}_store", DATA_KEY, "", body)

    def _stored(self, step: StoreStep, stem: str) -> Code:
        if step.drop is not None:
            return self._runtime("Dropped", quote(step.drop), quote(step.at))
        metadata = self._copy(step.metadata)
        return self._runtime(
            "Stored",
            quote(step.store),
            at=quote(step.at),
            path=tuple_of(*map(self._python.text, step.path)) if step.path else None,
            table=_text(step.table),
            dims=_texts(step.dims),
            specs=self._stored_specs(step, stem) if step.specs else None,
            metadata=metadata,
        )

    def _stored_specs(self, step: StoreStep, stem: str) -> Code:
        if all(map(_is_plain, step.specs)):
            return tuple_of(*(self._spec(entry.text) for entry in step.specs))
        name = f"{stem}_{identifier(step.name)}_specs"
        function = self._specs(name, DATA_KEY, step.at, step.specs)
        return call("tuple", call(function, *DATA_KEY.split(", ")))

    # ------------------------------------------------------------ tables

    def _table(self, table: TableStep, stem: str) -> Code:
        stem = f"{stem}_{identifier(table.name)}"
        return self._runtime(
            "Table",
            quote(table.name),
            path=self._path(f"{stem}_path", STREAM, table.at, table.path),
            order=_text(table.order),
            max_columns=str(table.max_columns) if table.max_columns else None,
            specs=self._specs_if_any(f"{stem}_specs", STREAM, table),
            metadata=self._metadata(f"{stem}_table_metadata", TABLE, table.metadata),
            columns=tuple_of(*(self._column(column, stem) for column in table.columns)),
            at=quote(table.at),
        )

    def _column(self, column: ColumnStep, stem: str) -> Code:
        source = self._source(column, stem)
        kind = quote(column.type) if column.type else "None"
        name = self._python.text(column.name)
        if column.keys is None:
            return self._runtime(
                "Column",
                name=f"lambda {STREAM}: {name}",
                type=kind,
                source=source,
                at=quote(column.at),
            )
        return self._runtime(
            "KeyColumn",
            name=f"lambda {DATA_KEY}: {name}",
            keys=AllOf(
                tuple(map(self._python.test, column.keys)), opening="lambda data_key, stored: "
            ),
            type=kind,
            source=source,
            at=quote(column.at),
        )

    def _source(self, column: ColumnStep, stem: str) -> Code:
        match column.source:
            case Path(root="event", steps=(str() as field,)):
                return self._runtime("EventField", quote(field))
            case Path(root="value", steps=()):
                return self._runtime("Value")
            case Path(root="timestamp", steps=()):
                return self._runtime("Timestamp")
        body = [
            f"{INDENT}{name} = {self._python.write(constant)}"
            for name, constant in column.constants.items()
        ]
        row = self._python.write(column.source)
        body.append(f"{INDENT}return lambda event, value, timestamp: {row}")
        name = self._define(f"bind_{stem}_column", DATA_KEY, column.at, body)
        return self._runtime("Computed", name)

    # ------------------------------------------------------------ coordinates

    def _coordinate(self, step: CoordinateStep, stem: str) -> Code:
        stem = f"{stem}_{identifier(step.name)}"
        return self._runtime(
            "Coordinate",
            quote(step.name),
            path=self._path(f"{stem}_path", STREAM, step.at, step.path),
            value=self._value_of_coordinate(step, f"{stem}_value"),
            type=_text(step.type),
            dims=_texts(step.dims),
            specs=self._specs_if_any(f"{stem}_specs", STREAM, step),
            metadata=(
                None
                if step.metadata == NOTHING
                else self._metadata(f"{stem}_metadata", STREAM, step.metadata)
            ),
            at=quote(step.at),
        )

    def _value_of_coordinate(self, step: CoordinateStep, name: str) -> str:
        value = self._python.write(step.value)
        if step.when is None:
            return self._returning(name, STREAM, step.at, value)
        conditions = AllOf(tuple(self._python.condition(Condition(when=step.when))))
        body = [
            *lines_of(conditions, 1, before="if ", after=":"),
            f"{INDENT * 2}return {value}",
            f"{INDENT}return None",
        ]
        return self._define(name, STREAM, step.at, body)

    # ------------------------------------------------------------ files

    def _select_asset(self) -> str:
        body: list[str] = []
        for asset in self._plan.assets:
            if asset.refuse is not None:
                reason = self._python.text(asset.refuse)
                result = self._runtime("Refused", reason, quote(asset.at))
            else:
                result = self._asset(asset)
            body.extend(self._branch(asset, result))
            if asset.condition.always:
                break
        else:
            body.append(_nothing_fits("mimetype", "stream_resource['mimetype']"))
        return self._define("select_asset", STREAM_RESOURCE, "", body)

    def _asset(self, asset: AssetStep) -> str:
        stem = f"asset_{identifier(asset.name)}"
        parameters = None
        if asset.parameters:
            values = dict_of(*self._assignments(asset.parameters))
            parameters = self._returning(f"{stem}_parameters", STREAM_RESOURCE, asset.at, values)
        return self._constant(
            stem,
            self._runtime(
                "AssetRule",
                quote(asset.name),
                consolidator=self._runtime("find_consolidator", quote(asset.consolidator)),
                needs=_texts(asset.needs or None),
                join=_text(asset.join),
                chunks=_numbers(asset.chunks),
                parameters=parameters,
                asset_parameter=_text(asset.asset_parameter),
                sidecars=_some(self._sidecar(sidecar, stem) for sidecar in asset.sidecars),
                structure_from=(
                    None if asset.structure_from == "documents" else quote(asset.structure_from)
                ),
                at=quote(asset.at),
            ),
        )

    def _sidecar(self, sidecar: SidecarStep, stem: str) -> Code:
        name = f"{stem}_{identifier(sidecar.parameter)}"
        uri = self._python.long_text(sidecar.uri)
        return self._runtime(
            "Sidecar",
            quote(sidecar.parameter),
            uri=self._returning(name, STREAM_RESOURCE, sidecar.at, uri),
        )

    # ------------------------------------------------------------ repairs

    def _repairs(self) -> Code | None:
        plan = self._plan
        of_documents = {
            document: tuple_of(
                *(
                    self._document_repair(step)
                    for step in plan.document_repairs
                    if step.document == document
                )
            )
            for document in dict.fromkeys(step.document for step in plan.document_repairs)
        }
        repairs = {
            **of_documents,
            "data_keys": _some(map(self._data_key_repair, plan.data_key_repairs)),
            "roots": _some(map(self._root_repair, plan.root_repairs)),
            "unmapped": None if plan.unmapped == "pass" else quote(plan.unmapped),
            "resources": _some(map(self._resource_repair, plan.resource_repairs)),
            "datums": _some(map(self._datum_repair, plan.datum_repairs)),
        }
        if not any(repairs.values()):
            return None
        return self._runtime("Repairs", **repairs)

    def _root_repair(self, step: RootRepairStep) -> Code:
        name = f"repair_root_{identifier(step.name)}"
        return self._runtime(
            "RootRepair",
            quote(step.name),
            prefix=quote(step.prefix),
            becomes=self._returning(name, START, step.at, self._python.long_text(step.becomes)),
            until=_text(step.until),
            at=quote(step.at),
        )

    def _resource_repair(self, step: ResourceRepairStep) -> Code:
        stem = f"repair_resource_{identifier(step.name)}"
        return self._runtime(
            "ResourceRepair",
            quote(step.name),
            matches=self._matching(step, stem, RESOURCE),
            mimetype=_text(step.mimetype),
            join=_text(step.join),
            chunks=_numbers(step.chunks),
            parameters=self._parameters(step, stem, RESOURCE),
            kwargs=self._literal(step.kwargs) if step.kwargs else None,
            until=_text(step.until),
            at=quote(step.at),
        )

    def _datum_repair(self, step: DatumRepairStep) -> Code:
        stem = f"repair_datum_{identifier(step.name)}"
        return self._runtime(
            "DatumRepair",
            quote(step.name),
            matches=self._matching(step, stem, DATUM),
            parameters=self._parameters(step, stem, DATUM),
            kwargs=self._literal(step.kwargs) if step.kwargs else None,
            until=_text(step.until),
            at=quote(step.at),
        )

    def _parameters(
        self, step: ResourceRepairStep | DatumRepairStep, stem: str, arguments: str
    ) -> str:
        if not step.parameters:
            return f"lambda {arguments}: {{}}"
        values = dict_of(*self._assignments(step.parameters))
        return self._returning(f"{stem}_parameters", arguments, step.at, values)

    def _document_repair(self, step: RepairStep) -> Code:
        stem = f"repair_{step.document}_{identifier(step.name)}"
        arguments = "_, start" if step.document == "start" else f"start, {step.document}"
        changes = self._runtime(
            "change",
            step.document,
            set=dict_of(*self._assignments(step.set)) if step.set else None,
            rename=self._literal(dict(step.rename)) if step.rename else None,
            without=tuple_of(*map(quote, step.without)) if step.without else None,
        )
        return self._runtime(
            "DocumentRepair",
            quote(step.name),
            matches=self._matching(step, stem, arguments),
            repair=self._returning(stem, arguments, step.at, changes),
            until=_text(step.until),
            at=quote(step.at),
        )

    def _data_key_repair(self, step: DataKeyRepairStep) -> Code:
        stem = f"repair_{identifier(step.name)}"
        if step.drop is not None:
            changes = self._runtime("Dropped", quote(step.drop), quote(step.at))
        else:
            changes = dict_of(
                "**data_key", *self._reshaped(step.shape), *self._assignments(step.set)
            )
        return self._runtime(
            "DataKeyRepair",
            quote(step.name),
            matches=self._matching(step, stem, DATA_KEY),
            repair=self._returning(stem, DATA_KEY, step.at, changes),
            rename=(
                None
                if step.rename is None
                else self._returning(
                    f"{stem}_name", DATA_KEY, step.at, self._python.text(step.rename)
                )
            ),
            until=_text(step.until),
            at=quote(step.at),
        )

    def _reshaped(self, shape: Reshape | None) -> Iterator[Code]:
        if shape is None:
            return
        reshaped = self._runtime(
            "reshape",
            'data_key["shape"]',
            lengths=_numbers(shape.lengths),
            squeeze="True" if shape.squeeze else None,
            clamp=None if shape.clamp is None else str(shape.clamp),
            pad_left=None if shape.pad_left is None else str(shape.pad_left),
        )
        yield attach('"shape": ', reshaped)

    def _assignments(self, values: Mapping[str, Values]) -> Iterator[Code]:
        for key, given in values.items():
            yield attach(f"{quote(key)}: ", self._python.value(given.value))

    def _matching(
        self,
        step: RepairStep | DataKeyRepairStep | ResourceRepairStep | DatumRepairStep,
        stem: str,
        arguments: str,
    ) -> str:
        conditions = AllOf(tuple(self._python.condition(step.condition)))
        return self._returning(f"{stem}_matches", arguments, step.at, conditions)

    # ------------------------------------------------------------ pieces

    def _path(self, name: str, arguments: str, at: str, path: Sequence[Parts]) -> str:
        return self._returning(name, arguments, at, tuple_of(*map(self._python.text, path)))

    def _specs(self, name: str, arguments: str, at: str, specs: Sequence[Entry]) -> str:
        return self._entries(name, arguments, at, specs, self._spec)

    def _specs_if_any(
        self, name: str, arguments: str, step: TableStep | CoordinateStep
    ) -> str | None:
        return self._specs(name, arguments, step.at, step.specs) if step.specs else None

    def _spec(self, parts: Parts) -> str:
        """A spec: made here where its text is a literal, parsed at run time otherwise."""
        if all(isinstance(part, str) for part in parts):
            name, _, version = "".join(map(str, parts)).partition("/")
            words = [quote(name), *([quote(version)] if version else [])]
            return f"{self._python.use('Spec')}({', '.join(words)})"
        return f"{self._python.use('parse_spec')}({self._python.text(parts)})"

    def _entries(
        self,
        name: str,
        arguments: str,
        at: str,
        entries: Sequence[Entry],
        write: Callable[[Parts], str],
    ) -> str:
        """A function that returns the list that specs or tags make."""
        if all(map(_is_plain, entries)):
            items = list_of(*(write(entry.text) for entry in entries))
            return self._returning(name, arguments, at, items)
        made = "specs" if name.endswith("specs") else "tags"
        body = [f"{INDENT}{made} = []"]
        for entry in entries:
            if entry.each is None:
                body.extend(self._appended(entry, made, write, 1))
                continue
            listed = self._python.write(entry.each)
            with self._python.local(entry.as_ or "_") as item:
                body.append(f"{INDENT}for {item} in {listed}:")
                body.extend(self._appended(entry, made, write, 2))
        body.append(f"{INDENT}return {made}")
        return self._define(name, arguments, at, body)

    def _appended(
        self, entry: Entry, made: str, write: Callable[[Parts], str], depth: int
    ) -> Iterator[str]:
        """Lines that add what an entry makes to a list, where it is wanted."""
        if entry.when is not None:
            conditions = AllOf(tuple(self._python.condition(Condition(when=entry.when))))
            yield from lines_of(conditions, depth, before="if ", after=":")
            depth += 1
        yield from lines_of(
            call(f"{made}.append", write(entry.text)), depth, after=f"  # {entry.at}"
        )

    def _metadata(self, name: str, arguments: str, metadata: Copy) -> str:
        return self._returning(name, arguments, metadata.at, self._copy(metadata) or "{}")

    def _copy(self, metadata: Copy) -> Code | None:
        """Metadata as an expression that makes a new dict; None where there is nothing."""
        copied = self._copied(metadata)
        if not metadata.entries:
            if copied is not None and copied == metadata.document:
                return call("dict", copied)
            return copied
        items: list[Code] = [attach("**", copied)] if copied is not None else []
        for key, entry in metadata.entries.items():
            code = self._entry(entry)
            items.append(attach(f"{quote(key)}: ", code))
        return dict_of(*items)

    def _entry(self, entry: Copy | Values) -> Code:
        if isinstance(entry, Values):
            return self._python.value(entry.value)
        return self._copy(entry) or "{}"

    def _copied(self, metadata: Copy) -> Code | None:
        if metadata.document is None:
            return None
        document = metadata.document
        if document == "data_key":
            document = f"{self._python.use('declared')}(data_key)"
        if metadata.only:
            return self._runtime("only", document, *map(quote, metadata.only))
        if metadata.without:
            return self._runtime("without", document, *map(quote, metadata.without))
        return document


def _some(items: Iterable[Code]) -> Code | None:
    """A tuple; None where there is nothing in it."""
    found = tuple(items)
    return tuple_of(*found) if found else None


def _text(text: str | None) -> str | None:
    return quote(text) if text else None


def _texts(texts: Sequence[str] | None) -> Code | None:
    return None if texts is None else tuple_of(*map(quote, texts))


def _numbers(numbers: Sequence[int | None] | None) -> Code | None:
    return None if numbers is None else tuple_of(*map(repr, numbers))


def _is_plain(entry: Entry) -> bool:
    """Whether an entry makes one item, always."""
    return entry.when is None and entry.each is None


def _nothing_fits(what: str, name: str) -> str:
    return f'{INDENT}raise LookupError(f"no rule takes the {what} {{{name}!r}}")'


def _import_order(name: str) -> tuple[int, str]:
    """Constants, classes, functions: the order of isort within one import."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
