"""Lower a merged, checked mapping to a plan.

`lower` never fails on a mapping that the checks found no error in; a test holds it to that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tiledmap.check.globs import is_glob
from tiledmap.check.matching import numpy_name
from tiledmap.language import nodes
from tiledmap.language.expressions import Expr, Literal
from tiledmap.language.scalars import Expression, Free, Patterns, Text
from tiledmap.plan.hoist import hoist
from tiledmap.plan.passes import simplify, simplify_parts
from tiledmap.plan.steps import (
    NOTHING,
    AssetStep,
    ColumnStep,
    Condition,
    Copy,
    DataKeyRepairStep,
    Entry,
    FieldTest,
    FileRepairStep,
    HookStep,
    Parts,
    Plan,
    Relation,
    RepairStep,
    RunStep,
    StoreStep,
    StreamStep,
    TableStep,
    Values,
    place,
)

R = TypeVar("R", bound=nodes.Repair)


def lower(mapping: nodes.Mapping, settings: Mapping[str, Any], sha256: str) -> Plan:
    """Lower a mapping whose parents have been merged in.

    Parameters
    ----------
    mapping
        Merged and free of errors.
    settings
        Every setting's final value.
    sha256
        Of the resolved mapping, for the headers of what is made from the plan.
    """
    return _Lowering(settings).mapping(mapping, sha256)


class _Lowering:
    """The settings, and one method for each kind of statement."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    # ------------------------------------------------------------ scalars

    def expr(self, expression: Expression) -> Expr:
        assert expression.tree is not None, "an expression that did not parse has no plan"
        return simplify(expression.tree, self._settings)

    def optional_expr(self, expression: Expression | None) -> Expr | None:
        return None if expression is None else self.expr(expression)

    def parts(self, text: Text) -> Parts:
        return simplify_parts(text.parts, self._settings)

    def path(self, *keys: Text | None) -> tuple[Parts, ...]:
        return tuple(self.parts(key) for key in keys if key is not None)

    def integer(self, text: Text | None) -> int | None:
        if text is None:
            return None
        (part,) = self.parts(text)
        number = part.value if isinstance(part, Literal) else part
        assert isinstance(number, str | int), "a number of columns is an integer"
        return int(number)

    def values(self, free: Free) -> Values:
        return Values(free.map(self.parts), place(free.span))

    # ------------------------------------------------------------ shared pieces

    def entries(
        self, items: nodes.Items[nodes.SpecItem] | nodes.Items[nodes.TagItem] | None
    ) -> tuple[Entry, ...]:
        return tuple(self._entry(item) for item in (items.items if items else None) or ())

    def _entry(self, item: nodes.SpecItem | nodes.TagItem) -> Entry:
        return Entry(
            text=self.parts(item.spec if isinstance(item, nodes.SpecItem) else item.tag),
            at=place(item.at()),
            when=self.optional_expr(item.when),
            each=self.optional_expr(item.each),
            as_=item.as_,
        )

    def metadata(self, metadata: nodes.Metadata | None) -> Copy:
        if metadata is None:
            return NOTHING
        return Copy(
            document=metadata.copy_.value if metadata.copy_ else None,
            at=place(metadata.at()),
            without=dict(metadata.without),
            only=dict(metadata.only),
            entries={
                key: self.values(entry) if isinstance(entry, Free) else self.metadata(entry)
                for key, entry in metadata.entries.items()
            },
        )

    def condition(
        self, subject: str, match: nodes.Node | None, when: Expression | None
    ) -> Condition:
        decided = self.optional_expr(when)
        if getattr(decided, "value", None) is True:
            decided = None
        return Condition(tests_of(subject, match), decided)

    # ------------------------------------------------------------ the parts of a mapping

    def mapping(self, mapping: nodes.Mapping, sha256: str) -> Plan:
        assert mapping.run is not None
        repair = mapping.repair or nodes.Repairs()
        return Plan(
            name=mapping.name,
            version=mapping.version,
            title=mapping.title or "",
            sha256=sha256,
            settings=dict(self._settings),
            additions=_additions(mapping.source),
            hooks=tuple(
                HookStep(name, hook.document.value, hook.function, place(hook.at()))
                for name, hook in mapping.hooks.items()
                if hook.document is not None and hook.function is not None
            ),
            document_repairs=tuple(
                self._document_repair(document, rule)
                for document, rules in (
                    ("start", repair.start),
                    ("descriptor", repair.descriptor),
                    ("stop", repair.stop),
                )
                for rule in in_order(rules)
            ),
            data_key_repairs=tuple(map(self._data_key_repair, in_order(repair.data_keys))),
            file_repairs=tuple(self._file_repairs(repair)),
            run=self._run(mapping.run),
            streams=tuple(
                stream
                for stream in map(self._stream, mapping.streams)
                if not _never(stream.condition)
            ),
            assets=tuple(self._asset(rule) for rule in mapping.assets),
        )

    def _run(self, run: nodes.Run) -> RunStep:
        at_start, at_stop = split_at_stop(self.metadata(run.metadata))
        return RunStep(
            path=self.path(*(run.parent or ()), run.key),
            specs=self.entries(run.specs),
            access_tags=self.entries(run.access_tags),
            metadata=at_start,
            stop_metadata=at_stop,
            on_collision=(run.on_collision or nodes.OnCollision.RESUME).value,
            untagged=(run.untagged or nodes.Untagged.STORE).value,
            fallback_tags=run.fallback_tags or (),
            at=place(run.at()),
        )

    def _stream(self, rule: nodes.StreamRule) -> StreamStep:
        condition = self.condition("descriptor", rule.match, rule.when)
        if rule.drop is not None:
            return StreamStep(rule.name, condition, place(rule.at()), drop=rule.drop)
        return StreamStep(
            name=rule.name,
            condition=condition,
            at=place(rule.at()),
            path=self.path(*(rule.parent or ()), rule.key),
            specs=self.entries(rule.specs),
            metadata=self.metadata(rule.metadata),
            updates=rule.metadata.updates if rule.metadata else None,
            not_stored=dict(rule.events.without) if rule.events else {},
            data=tuple(step for step in map(self._store, rule.data) if not _never(step.condition)),
            tables=tuple(map(self._table, rule.tables)),
        )

    def _store(self, rule: nodes.DataRule) -> StoreStep:
        condition = self.condition("data_key", rule.match, rule.when)
        if rule.drop is not None:
            return StoreStep(rule.name, condition, place(rule.at()), drop=rule.drop)
        assert rule.store is not None
        return StoreStep(
            name=rule.name,
            condition=condition,
            at=place(rule.at()),
            store=rule.store.value,
            path=self.path(*rule.parent, rule.key),
            table=rule.table or "",
            dims=rule.dims,
            specs=self.entries(rule.specs),
            metadata=self.metadata(rule.metadata),
        )

    def _table(self, rule: nodes.TableRule) -> TableStep:
        return TableStep(
            name=rule.name,
            path=self.path(*rule.parent, rule.key),
            columns=tuple(map(self._column, (rule.columns.items if rule.columns else None) or ())),
            at=place(rule.at()),
            order=rule.order,
            max_columns=self.integer(rule.max_columns),
            specs=self.entries(rule.specs),
            metadata=self.metadata(rule.metadata),
        )

    def _column(self, column: nodes.Column) -> ColumnStep:
        source, constants = hoist(self.expr(column.from_))
        return ColumnStep(
            name=self.parts(column.column),
            source=source,
            at=place(column.at()),
            keys=None if column.keys is None else tests_of("data_key", column.keys),
            type=column.type.value if column.type else None,
            constants=constants,
        )

    # ------------------------------------------------------------ repairs and files

    def _document_repair(self, document: str, rule: nodes.DocumentRepair) -> RepairStep:
        return RepairStep(
            name=rule.name,
            document=document,
            condition=self.condition(document, None, rule.when),
            at=place(rule.at()),
            set={key: self.values(free) for key, free in rule.set.items()},
            rename=dict(rule.rename),
            without=dict(rule.without),
            until=last_day(rule),
        )

    def _data_key_repair(self, rule: nodes.DataKeyRepair) -> DataKeyRepairStep:
        return DataKeyRepairStep(
            name=rule.name,
            condition=self.condition("data_key", rule.match, rule.when),
            at=place(rule.at()),
            set={key: self.values(free) for key, free in rule.set.items()},
            rename=None if rule.rename is None else self.parts(rule.rename),
            drop=rule.drop,
            until=last_day(rule),
        )

    def _file_repairs(self, repair: nodes.Repairs) -> Iterable[FileRepairStep]:
        yield from map(self._root_repair, repair.roots)
        for resource in in_order(repair.resources):
            yield self._file_repair("resources", resource)
        for datum in in_order(repair.datums):
            yield self._file_repair("datums", datum)

    def _root_repair(self, rule: nodes.RootRepair) -> FileRepairStep:
        assert rule.becomes is not None
        return FileRepairStep(
            name=rule.name,
            section="roots",
            condition=Condition(),
            says={"prefix": rule.prefix, "becomes": self.parts(rule.becomes)},
            at=place(rule.at()),
            until=last_day(rule),
        )

    def _file_repair(
        self, section: str, rule: nodes.ResourceRepair | nodes.DatumRepair
    ) -> FileRepairStep:
        return FileRepairStep(
            name=rule.name,
            section=section,
            condition=self.condition("resource", rule.match, rule.when),
            says=self._says(rule, ("mimetype", "join", "chunks", "parameters", "kwargs")),
            at=place(rule.at()),
            until=last_day(rule),
        )

    def _asset(self, rule: nodes.AssetRule) -> AssetStep:
        return AssetStep(
            name=rule.name,
            condition=self.condition("stream_resource", rule.match, rule.when),
            at=place(rule.at()),
            refuse=None if rule.refuse is None else self.parts(rule.refuse),
            says=self._says(
                rule,
                ("consolidator", "needs", "join", "chunks", "parameters", "asset_parameter"),
            ),
        )

    def _says(self, rule: nodes.Rule, names: tuple[str, ...]) -> dict[str, Any]:
        """The fields of a rule that were written, as plain data with `Parts` for texts."""
        says = {}
        for name in names:
            value = getattr(rule, name, None)
            if value is None or value == () or value == {}:
                continue
            if name == "parameters":
                value = {key: free.map(self.parts) for key, free in value.items()}
            says[name] = value
        return says


# ---------------------------------------------------------------- pure pieces


def last_day(rule: nodes.Repair | nodes.RootRepair) -> str | None:
    """The ISO date of the last day on which a repair applies."""
    return rule.until.isoformat() if rule.until else None


def in_order(repairs: Sequence[R]) -> list[R]:
    """The repairs as they are applied: one that is ``over`` another comes after it."""
    ordered: list[R] = []
    waiting = list(repairs)
    while waiting:
        names = {repair.name for repair in waiting}
        ready = [repair for repair in waiting if repair.over not in names - {repair.name}]
        chosen = (ready or waiting)[0]
        ordered.append(chosen)
        waiting.remove(chosen)
    return ordered


def tests_of(subject: str, match: nodes.Node | None) -> tuple[FieldTest, ...]:
    """The tests of a ``match``, in the order in which its class lists the fields."""
    if match is None:
        return ()
    tests = []
    for name in type(match).model_fields:
        patterns: Patterns | None = getattr(match, name)
        if patterns is not None:
            tests.append(_test(subject, name, patterns.texts))
    return tuple(tests)


_SUBJECTS = {"stored": "stored", "stream": "descriptor"}


def _test(subject: str, field: str, texts: tuple[str, ...]) -> FieldTest:
    subject = _SUBJECTS.get(field, subject)
    field = "name" if field == "stream" else field
    if field == "shape":
        return FieldTest(subject, field, Relation.SHAPED, texts)
    if texts in (("present",), ("absent",)):
        return FieldTest(subject, field, Relation(texts[0]))
    if field == "dtype_numpy":
        texts = tuple(map(numpy_name, texts))
    relation = Relation.LIKE if any(map(is_glob, texts)) else Relation.ONE_OF
    return FieldTest(subject, field, relation, texts)


def split_at_stop(metadata: Copy) -> tuple[Copy, Copy]:
    """Divide a run's metadata into what is written at its start and, under ``stop``, at its end."""
    late = {key: entry for key, entry in metadata.entries.items() if key == "stop"}
    early = {key: entry for key, entry in metadata.entries.items() if key != "stop"}
    return replace(metadata, entries=early), Copy(None, metadata.at, entries=late)


def _never(condition: Condition) -> bool:
    """Whether settings made the condition false for good."""
    return getattr(condition.when, "value", None) is False


def _additions(source: nodes.Source | None) -> dict[str, dict[str, Any]]:
    additions = {}
    for name in ("start", "descriptor", "stop"):
        added: nodes.DocumentAdditions | None = getattr(source, name, None)
        if added is not None:
            additions[name] = {
                "properties": added.properties,
                "required": list(added.required),
            }
    return additions
