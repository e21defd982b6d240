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
    ColumnStep,
    Condition,
    Copy,
    DataKeyRepairStep,
    Entry,
    Parts,
    Plan,
    RepairStep,
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
        return tuple_of(*hooks) if hooks else None

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
            fallback_tags=(tuple_of(*map(quote, run.fallback_tags)) if run.fallback_tags else None),
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

    def _branch(self, step: StreamStep | StoreStep, result: Code) -> Iterable[str]:
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
                updates=quote(stream.updates) if stream.updates else None,
                store=self._store(stream, stem),
                tables=tuple_of(*(self._table(table, stem) for table in stream.tables)),
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
            table=quote(step.table) if step.table else None,
            dims=tuple_of(*map(quote, step.dims)) if step.dims is not None else None,
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
            order=quote(table.order) if table.order else None,
            max_columns=str(table.max_columns) if table.max_columns else None,
            specs=(
                self._specs(f"{stem}_specs", STREAM, table.at, table.specs) if table.specs else None
            ),
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
        of_data_keys = [self._data_key_repair(step) for step in plan.data_key_repairs]
        if not of_documents and not of_data_keys:
            return None
        return self._runtime(
            "Repairs",
            **of_documents,
            data_keys=tuple_of(*of_data_keys) if of_data_keys else None,
        )

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
            until=quote(step.until) if step.until else None,
            at=quote(step.at),
        )

    def _data_key_repair(self, step: DataKeyRepairStep) -> Code:
        stem = f"repair_{identifier(step.name)}"
        if step.drop is not None:
            changes = self._runtime("Dropped", quote(step.drop), quote(step.at))
        else:
            changes = dict_of("**data_key", *self._assignments(step.set))
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
            until=quote(step.until) if step.until else None,
            at=quote(step.at),
        )

    def _assignments(self, values: Mapping[str, Values]) -> Iterator[Code]:
        for key, given in values.items():
            yield attach(f"{quote(key)}: ", self._python.value(given.value))

    def _matching(self, step: RepairStep | DataKeyRepairStep, stem: str, arguments: str) -> str:
        conditions = AllOf(tuple(self._python.condition(step.condition)))
        return self._returning(f"{stem}_matches", arguments, step.at, conditions)

    # ------------------------------------------------------------ pieces

    def _path(self, name: str, arguments: str, at: str, path: Sequence[Parts]) -> str:
        return self._returning(name, arguments, at, tuple_of(*map(self._python.text, path)))

    def _specs(self, name: str, arguments: str, at: str, specs: Sequence[Entry]) -> str:
        return self._entries(name, arguments, at, specs, self._spec)

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
            depth = 1
            if entry.each is not None:
                item = self._python.local(entry.as_ or "_")
                body.append(f"{INDENT}for {item} in {self._python.write(entry.each)}:")
                depth += 1
            if entry.when is not None:
                conditions = AllOf(tuple(self._python.condition(Condition(when=entry.when))))
                body.extend(lines_of(conditions, depth, before="if ", after=":"))
                depth += 1
            body.append(f"{INDENT * depth}{made}.append({write(entry.text)})  # {entry.at}")
        body.append(f"{INDENT}return {made}")
        return self._define(name, arguments, at, body)

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


def _is_plain(entry: Entry) -> bool:
    """Whether an entry makes one item, always."""
    return entry.when is None and entry.each is None


def _nothing_fits(what: str, name: str) -> str:
    return f'{INDENT}raise LookupError(f"no rule takes the {what} {{{name}!r}}")'


def _import_order(name: str) -> tuple[int, str]:
    """Constants, classes, functions: the order of isort within one import."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
