"""Repairs and hooks of a mapping, in words."""

from collections.abc import Iterator, Mapping

from tiledmap.language import nodes
from tiledmap.language.scalars import Expression, Free, Text
from tiledmap.outline.lineage import DATA_KEY, DOCUMENTS, matched_fields, uses_of
from tiledmap.outline.values import Dropped, FieldPath, Repair
from tiledmap.outline.words import condition_in_words, listed, written
from tiledmap.plan.lower import in_order, last_day

URI = FieldPath("stream_resource", ("uri",))
MIMETYPE = FieldPath("stream_resource", ("mimetype",))
PARAMETERS = FieldPath("stream_resource", ("parameters",))


def describe_repairs(mapping: nodes.Mapping) -> Iterator[Repair]:
    """Yield the repairs of a mapping, section by section, in the order in which they apply."""
    repairs = mapping.repair or nodes.Repairs()
    for root in repairs.roots:
        yield _root(root)
    if repairs.unmapped is nodes.Unmapped.ERROR:
        does = ("refuses a path that no repair of roots fits",)
        at = repairs.at("unmapped")
        yield Repair("repair.unmapped", "", does, (URI,), "", "", at)
    for resource in in_order(repairs.resources):
        yield _resource(resource)
    for datum in in_order(repairs.datums):
        yield _datum(datum)
    for data_key in in_order(repairs.data_keys):
        yield _data_key(data_key)
    for document in ("start", "descriptor", "stop"):
        for rule in in_order(getattr(repairs, document)):
            yield _document(document, rule)


def describe_hooks(mapping: nodes.Mapping) -> Iterator[Repair]:
    """Yield the hooks of a mapping."""
    for name, hook in mapping.hooks.items():
        document = hook.document.value if hook.document is not None else ""
        yield Repair(
            rule=f"hooks.{name}",
            condition="",
            does=(f"every {document} becomes what {hook.function} makes of it",),
            fields=(FieldPath(document),),
            reason=hook.help or "",
            until="",
            at=hook.at(),
            reads=(FieldPath(document),),
        )


def dropped_data_keys(mapping: nodes.Mapping) -> Iterator[Dropped]:
    """Yield the repairs that leave data keys out."""
    for rule in mapping.repair.data_keys if mapping.repair else ():
        if rule.drop is not None:
            repair = _data_key(rule)
            yield Dropped(
                repair.rule,
                "data keys",
                repair.condition,
                rule.drop,
                rule.at("drop"),
                repair.reads,
                rule.match.name.texts if rule.match and rule.match.name else (),
            )


def _root(rule: nodes.RootRepair) -> Repair:
    becomes = rule.becomes.source if rule.becomes is not None else ""
    return Repair(
        rule=f"repair.roots.{rule.name}",
        condition=f"paths below {rule.prefix}",
        does=(f"{rule.prefix} becomes {becomes}",),
        fields=(FieldPath("resource", ("root",)), URI),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=_read(rule.becomes),
    )


def _resource(rule: nodes.ResourceRepair) -> Repair:
    changed: dict[FieldPath, None] = {}
    does = list(_kwargs("resource_kwargs", rule.kwargs))
    if rule.mimetype is not None:
        does.append(f"its mimetype is {rule.mimetype}")
        changed[MIMETYPE] = None
    if rule.join is not None:
        does.append(f"its files are joined by {rule.join.value}")
    if rule.chunks is not None:
        does.append(f"its chunks are {list(rule.chunks)}")
    does += _parameters(rule.parameters)
    if rule.parameters or rule.join is not None or rule.chunks is not None:
        changed[PARAMETERS] = None
    return _of_files("resources", rule, does, tuple(changed))


def _datum(rule: nodes.DatumRepair) -> Repair:
    does = [*_kwargs("datum_kwargs", rule.kwargs), *_parameters(rule.parameters)]
    return _of_files("datums", rule, does, (PARAMETERS,))


def _of_files(
    section: str,
    rule: nodes.ResourceRepair | nodes.DatumRepair,
    does: list[str],
    fields: tuple[FieldPath, ...],
) -> Repair:
    matched = (use.field for use in matched_fields(rule.match, FieldPath("resource")))
    read = _read(rule.when, *rule.parameters.values())
    return Repair(
        rule=f"repair.{section}.{rule.name}",
        condition=condition_in_words(rule.match, rule.when),
        does=tuple(does),
        fields=fields,
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=tuple(dict.fromkeys([*matched, *read])),
    )


def _kwargs(field: str, kwargs: Mapping[str, object]) -> Iterator[str]:
    for name, schema in kwargs.items():
        kind = schema.get("type", "anything") if isinstance(schema, Mapping) else "anything"
        yield f"{field}.{name} must be {listed(kind) if isinstance(kind, list) else kind}"


def _parameters(parameters: Mapping[str, Free]) -> list[str]:
    return [f"parameter {name} is {written(value)}" for name, value in parameters.items()]


def _data_key(rule: nodes.DataKeyRepair) -> Repair:
    changes = dict(_changes(rule))
    matched = (use.field for use in matched_fields(rule.match, DATA_KEY))
    read = _read(rule.when, rule.units, rule.rename, *rule.set.values())
    return Repair(
        rule=f"repair.data_keys.{rule.name}",
        condition=condition_in_words(rule.match, rule.when),
        does=tuple(changes.values()),
        fields=tuple(changes),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=tuple(dict.fromkeys([*matched, *read])),
    )


def _changes(rule: nodes.DataKeyRepair) -> Iterator[tuple[FieldPath, str]]:
    """Yield each field of a data key that a repair changes, and how."""
    if rule.shape is not None:
        yield DATA_KEY.below("shape"), f"its shape {', then '.join(_reshaped(rule.shape))}"
    if rule.dtype is not None:
        yield DATA_KEY.below("dtype_numpy"), f"its dtype_numpy is {rule.dtype}"
    if rule.dims is not None:
        yield DATA_KEY.below("dims"), f"its dims are {', '.join(rule.dims)}"
    if rule.units is not None:
        yield DATA_KEY.below("units"), f"its units are {rule.units.source}"
    for name, value in rule.set.items():
        yield DATA_KEY.below(name), f"its {name} is {written(value)}"
    if rule.rename is not None:
        yield DATA_KEY.below("name"), f"its name is {rule.rename.source}"
    if rule.drop is not None:
        yield DATA_KEY, "it is not stored"


def _reshaped(shape: nodes.ShapeRepair) -> Iterator[str]:
    if shape.lengths is not None:
        yield f"is {written(list(shape.lengths))}"
    if shape.squeeze:
        yield "loses its lengths of 1"
    if shape.clamp is not None:
        yield f"is at least {shape.clamp} each way"
    if shape.pad_left is not None:
        yield f"is padded with lengths of 1 before it to {shape.pad_left} dimensions"


def _document(document: str, rule: nodes.DocumentRepair) -> Repair:
    root = DOCUMENTS[document]
    changes: dict[FieldPath, None] = {}
    does = []
    for field, reason in rule.without.items():
        does.append(f"{field} is taken out: {reason}")
        changes[root.below(field)] = None
    for old, new in rule.rename.items():
        does.append(f"{old} is renamed to {new}")
        changes |= {root.below(old): None, root.below(new): None}
    for field, value in rule.set.items():
        does.append(f"{field} is {written(value)}")
        changes[root.below(field)] = None
    return Repair(
        rule=f"repair.{document}.{rule.name}",
        condition=condition_in_words(None, rule.when),
        does=tuple(does),
        fields=tuple(changes),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=_read(rule.when, *rule.set.values()),
    )


def _read(*values: Text | Expression | Free | None) -> tuple[FieldPath, ...]:
    """Return the fields that values are made of, and that conditions look at."""
    return tuple(dict.fromkeys(use.field for value in values if value for use in uses_of(value)))
