"""Repairs and hooks of a mapping, in words."""

from collections.abc import Iterable, Iterator, Mapping

from tiledmap.documents.types import type_of_schema
from tiledmap.language import nodes
from tiledmap.language.scalars import Expression, Free, Text
from tiledmap.outline.lineage import DATA_KEY, DOCUMENTS, matched_fields, uses_of
from tiledmap.outline.values import Dropped, Effect, EffectKind, FieldPath, Repair
from tiledmap.outline.words import condition_in_words, written
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
        words = "refuses a path that no repair of roots fits"
        refused = Effect(EffectKind.REFUSES, (URI,), words)
        yield Repair("repair.unmapped", "", (refused,), "", "", repairs.at("unmapped"))
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
            effects=(
                _set(
                    f"every {document} becomes what {hook.function} makes of it",
                    FieldPath(document),
                ),
            ),
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


def _set(words: str, *fields: FieldPath) -> Effect:
    return Effect(EffectKind.SETS, fields, words)


def _root(rule: nodes.RootRepair) -> Repair:
    becomes = rule.becomes.source if rule.becomes is not None else ""
    return Repair(
        rule=f"repair.roots.{rule.name}",
        condition=f"paths below {rule.prefix}",
        effects=(_set(f"{rule.prefix} becomes {becomes}", FieldPath("resource", ("root",)), URI),),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=_read(rule.becomes),
    )


def _resource(rule: nodes.ResourceRepair) -> Repair:
    return _of_files("resources", rule, _effects_on_resource(rule))


def _effects_on_resource(rule: nodes.ResourceRepair) -> Iterator[Effect]:
    yield from _demands("resource_kwargs", rule.kwargs)
    if rule.mimetype is not None:
        yield _set(f"its mimetype is {rule.mimetype}", MIMETYPE)
    if rule.join is not None:
        yield _set(f"its files are joined by {rule.join.value}", PARAMETERS)
    if rule.chunks is not None:
        yield _set(f"its chunks are {list(rule.chunks)}", PARAMETERS)
    yield from _parameters(rule.parameters)


def _datum(rule: nodes.DatumRepair) -> Repair:
    effects = (*_demands("datum_kwargs", rule.kwargs), *_parameters(rule.parameters))
    return _of_files("datums", rule, effects)


def _of_files(
    section: str, rule: nodes.ResourceRepair | nodes.DatumRepair, effects: Iterable[Effect]
) -> Repair:
    matched = (use.field for use in matched_fields(rule.match, FieldPath("resource")))
    read = _read(rule.when, *rule.parameters.values())
    return Repair(
        rule=f"repair.{section}.{rule.name}",
        condition=condition_in_words(rule.match, rule.when),
        effects=tuple(effects),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=tuple(dict.fromkeys([*matched, *read])),
    )


def _demands(field: str, kwargs: Mapping[str, object]) -> Iterator[Effect]:
    """Yield what is asked of kwargs, which changes nothing of them."""
    for name, schema in kwargs.items():
        words = f"{field}.{name} must be {type_of_schema(schema)}"
        yield Effect(EffectKind.DEMANDS, (), words)


def _parameters(parameters: Mapping[str, Free]) -> Iterator[Effect]:
    for name, value in parameters.items():
        yield _set(f"parameter {name} is {written(value)}", PARAMETERS)


def _data_key(rule: nodes.DataKeyRepair) -> Repair:
    matched = (use.field for use in matched_fields(rule.match, DATA_KEY))
    read = _read(rule.when, rule.units, rule.rename, *rule.set.values())
    return Repair(
        rule=f"repair.data_keys.{rule.name}",
        condition=condition_in_words(rule.match, rule.when),
        effects=tuple(_effects_on_data_key(rule)),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=tuple(dict.fromkeys([*matched, *read])),
    )


def _effects_on_data_key(rule: nodes.DataKeyRepair) -> Iterator[Effect]:
    if rule.shape is not None:
        words = f"its shape {', then '.join(_reshaped(rule.shape))}"
        yield _set(words, DATA_KEY.below("shape"))
    if rule.dtype is not None:
        yield _set(f"its dtype_numpy is {rule.dtype}", DATA_KEY.below("dtype_numpy"))
    if rule.dims is not None:
        yield _set(f"its dims are {', '.join(rule.dims)}", DATA_KEY.below("dims"))
    if rule.units is not None:
        yield _set(f"its units are {rule.units.source}", DATA_KEY.below("units"))
    for name, value in rule.set.items():
        yield _set(f"its {name} is {written(value)}", DATA_KEY.below(name))
    if rule.rename is not None:
        words = f"its name is {rule.rename.source}"
        yield Effect(EffectKind.RENAMES, (DATA_KEY.below("name"),), words)
    if rule.drop is not None:
        yield Effect(EffectKind.REMOVES, (DATA_KEY,), "it is not stored")


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
    return Repair(
        rule=f"repair.{document}.{rule.name}",
        condition=condition_in_words(None, rule.when),
        effects=tuple(_effects_on_document(DOCUMENTS[document], rule)),
        reason=rule.reason or "",
        until=last_day(rule) or "",
        at=rule.at(),
        reads=_read(rule.when, *rule.set.values()),
    )


def _effects_on_document(document: FieldPath, rule: nodes.DocumentRepair) -> Iterator[Effect]:
    for field, reason in rule.without.items():
        words = f"{field} is taken out: {reason}"
        yield Effect(EffectKind.REMOVES, (document.below(field),), words)
    for old, new in rule.rename.items():
        fields = (document.below(old), document.below(new))
        yield Effect(EffectKind.RENAMES, fields, f"{old} is renamed to {new}")
    for field, value in rule.set.items():
        yield _set(f"{field} is {written(value)}", document.below(field))


def _read(*values: Text | Expression | Free | None) -> tuple[FieldPath, ...]:
    """Return the fields that values are made of, and that conditions look at."""
    return tuple(dict.fromkeys(use.field for value in values if value for use in uses_of(value)))
