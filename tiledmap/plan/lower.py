"""Lower a merged, checked mapping to a plan.

`lower` never fails on a mapping that the checks found no error in; a test holds it to that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tiledmap.check.globs import is_glob
from tiledmap.check.matching import numpy_name
from tiledmap.check.scopes import required_kwargs
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
    CoordinateStep,
    Copy,
    DataKeyRepairStep,
    DatumRepairStep,
    Entry,
    FieldTest,
    HookStep,
    Parts,
    Plan,
    Relation,
    RepairStep,
    Reshape,
    ResourceRepairStep,
    RootRepairStep,
    RunStep,
    SidecarStep,
    StoreStep,
    StreamStep,
    TableStep,
    Values,
    place,
)

R = TypeVar("R", bound=nodes.Repair)
S = TypeVar("S", StreamStep, StoreStep, AssetStep)


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
            root_repairs=tuple(map(self._root_repair, repair.roots)),
            unmapped=(repair.unmapped or nodes.Unmapped.PASS).value,
            resource_repairs=tuple(map(self._resource_repair, in_order(repair.resources))),
            datum_repairs=tuple(map(self._datum_repair, in_order(repair.datums))),
            run=self._run(mapping.run),
            streams=_reachable(map(self._stream, mapping.streams)),
            assets=_reachable(map(self._asset, mapping.assets)),
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
            unfinished=(run.unfinished or nodes.Unfinished.LEAVE).value,
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
            data=_reachable(map(self._store, rule.data)),
            tables=tuple(map(self._table, rule.tables)),
            coordinates=tuple(map(self._coordinate, rule.coordinates)),
        )

    def _coordinate(self, rule: nodes.CoordinateRule) -> CoordinateStep:
        assert rule.from_ is not None
        return CoordinateStep(
            name=rule.name,
            path=self.path(*rule.parent, rule.key),
            value=self.expr(rule.from_),
            at=place(rule.at()),
            when=self.condition("descriptor", None, rule.when).when,
            type=rule.type,
            dims=rule.dims,
            specs=self.entries(rule.specs),
            metadata=self.metadata(rule.metadata),
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
            set=self._named_values(rule.set),
            rename=dict(rule.rename),
            without=dict(rule.without),
            until=last_day(rule),
        )

    def _data_key_repair(self, rule: nodes.DataKeyRepair) -> DataKeyRepairStep:
        return DataKeyRepairStep(
            name=rule.name,
            condition=self.condition("data_key", rule.match, rule.when),
            at=place(rule.at()),
            set=dict(self._fields_of_data_key(rule)),
            shape=_reshape(rule.shape),
            rename=None if rule.rename is None else self.parts(rule.rename),
            drop=rule.drop,
            until=last_day(rule),
        )

    def _fields_of_data_key(self, rule: nodes.DataKeyRepair) -> Iterator[tuple[str, Values]]:
        """The fields that a repair sets, by keywords of their own and by ``set``."""
        if rule.dtype is not None:
            yield "dtype_numpy", Values((numpy_name(rule.dtype),), place(rule.at("dtype")))
        if rule.dims is not None:
            dims = [(name,) for name in rule.dims]
            yield "dims", Values(dims, place(rule.at("dims")))
        if rule.units is not None:
            yield "units", Values(self.parts(rule.units), place(rule.at("units")))
        yield from self._named_values(rule.set).items()

    def _root_repair(self, rule: nodes.RootRepair) -> RootRepairStep:
        assert rule.prefix is not None
        assert rule.becomes is not None
        return RootRepairStep(
            name=rule.name,
            prefix=rule.prefix,
            becomes=self.parts(rule.becomes),
            at=place(rule.at()),
            until=last_day(rule),
        )

    def _resource_repair(self, rule: nodes.ResourceRepair) -> ResourceRepairStep:
        return ResourceRepairStep(
            name=rule.name,
            condition=self.condition("resource", rule.match, rule.when),
            at=place(rule.at()),
            mimetype=rule.mimetype,
            join=rule.join.value if rule.join else None,
            chunks=rule.chunks,
            parameters=self._named_values(rule.parameters),
            kwargs=_schema_of_kwargs(rule.kwargs),
            until=last_day(rule),
        )

    def _datum_repair(self, rule: nodes.DatumRepair) -> DatumRepairStep:
        return DatumRepairStep(
            name=rule.name,
            condition=self.condition("resource", rule.match, rule.when),
            at=place(rule.at()),
            parameters=self._named_values(rule.parameters),
            kwargs=_schema_of_kwargs(rule.kwargs),
            until=last_day(rule),
        )

    def _asset(self, rule: nodes.AssetRule) -> AssetStep:
        condition = self.condition("stream_resource", rule.match, rule.when)
        if rule.refuse is not None:
            refuse = self.parts(rule.refuse)
            return AssetStep(rule.name, condition, place(rule.at()), refuse=refuse)
        assert rule.consolidator is not None
        structure_from = rule.structure_from or nodes.StructureFrom.DOCUMENTS
        return AssetStep(
            name=rule.name,
            condition=condition,
            at=place(rule.at()),
            consolidator=rule.consolidator,
            needs=rule.needs,
            join=rule.join.value if rule.join else None,
            chunks=rule.chunks,
            parameters=self._named_values(rule.parameters),
            asset_parameter=rule.asset_parameter,
            sidecars=tuple(map(self._sidecar, rule.sidecars)),
            structure_from=structure_from.value,
        )

    def _sidecar(self, sidecar: nodes.Sidecar) -> SidecarStep:
        return SidecarStep(sidecar.parameter, self.parts(sidecar.uri), place(sidecar.at()))

    def _named_values(self, given: Mapping[str, Free]) -> dict[str, Values]:
        return {name: self.values(free) for name, free in given.items()}


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
    if field == "spec":
        return FieldTest(subject, field, Relation.SAME_TEXT, texts)
    if field == "dtype_numpy":
        texts = tuple(map(numpy_name, texts))
    relation = Relation.LIKE if any(map(is_glob, texts)) else Relation.ONE_OF
    return FieldTest(subject, field, relation, texts)


def split_at_stop(metadata: Copy) -> tuple[Copy, Copy]:
    """Divide a run's metadata into what is written at its start and, under ``stop``, at its end."""
    late = {key: entry for key, entry in metadata.entries.items() if key == "stop"}
    early = {key: entry for key, entry in metadata.entries.items() if key != "stop"}
    return replace(metadata, entries=early), Copy(None, metadata.at, entries=late)


def _reachable(steps: Iterable[S]) -> tuple[S, ...]:
    """The steps whose conditions settings did not make false for good."""
    return tuple(step for step in steps if getattr(step.condition.when, "value", None) is not False)


def _reshape(shape: nodes.ShapeRepair | None) -> Reshape | None:
    if shape is None:
        return None
    return Reshape(place(shape.at()), shape.lengths, shape.squeeze, shape.clamp, shape.pad_left)


def _schema_of_kwargs(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {"properties": kwargs, "required": required_kwargs(kwargs)} if kwargs else {}


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
