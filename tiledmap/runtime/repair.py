"""Hooks and repairs: what is put right in documents before anything is decided about them."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tiledmap.runtime.documents import declared, describe, standard_data_key
from tiledmap.runtime.layout import DataKeyRepair, Document, DocumentRepair, Dropped, Hook, Layout
from tiledmap.runtime.upgrade import Applied, expired

Failed = Callable[[Exception, str], None]
"""Told of an exception and the mapping's line, where a repair or a hook raised."""


@dataclass(slots=True)
class RepairedKeys:
    """A descriptor's data keys after repair.

    `names` gives for each data key, as events name it, the name that a repair gave it; `dropped`
    those that are not to be stored.
    """

    data_keys: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, Dropped] = field(default_factory=dict)


def hooked(hooks: tuple[Hook, ...], name: str, document: Document, failed: Failed) -> Document:
    """`document` as the hooks for its kind leave it; each is given a copy of its own."""
    for hook in hooks:
        if hook.document == name:
            try:
                document = hook.function(deepcopy(dict(document))) or document
            except Exception as error:  # a facility's function may raise anything
                failed(error, hook.at)
    return document


def repaired(
    layout: Layout,
    name: str,
    start: Document,
    document: Document,
    failed: Failed,
    applied: Applied,
) -> Any:
    """A start, descriptor or stop document after every repair that matches it."""
    repairs: tuple[DocumentRepair, ...] = getattr(layout.repairs, name)
    for repair in repairs:
        try:
            if not expired(repair.until, start) and repair.matches(start, document):
                document = repair.repair(start, document)
                applied(name, repair.name)
        except Exception as error:  # a rule meets a document that it did not foresee
            failed(error, repair.at)
    return document


def repair_data_keys(
    layout: Layout, start: Document, descriptor: Document, failed: Failed, applied: Applied
) -> RepairedKeys:
    """The data keys of a descriptor after every repair that matches them."""
    done = RepairedKeys()
    for item in descriptor["data_keys"].items():
        _repair_data_key(layout.repairs.data_keys, start, descriptor, item, done, failed, applied)
    return done


def _repair_data_key(
    repairs: tuple[DataKeyRepair, ...],
    start: Document,
    descriptor: Document,
    item: tuple[str, Mapping[str, Any]],
    done: RepairedKeys,
    failed: Failed,
    applied: Applied,
) -> None:
    original, data_key = item
    name = str(original)
    for repair in repairs:
        seen = describe(name, data_key)
        try:
            if expired(repair.until, start) or not repair.matches(start, descriptor, seen):
                continue
            result = repair.repair(start, descriptor, seen)
            applied("data_keys", repair.name)
            if isinstance(result, Dropped):
                done.dropped[original] = result
                return
            data_key = standard_data_key(declared(result))
            if repair.rename is not None:
                name = repair.rename(start, descriptor, seen)
        except Exception as error:  # a rule meets a data key that it did not foresee
            failed(error, repair.at)
    if name in done.data_keys:
        failed(ValueError(f"two data keys would be named {name!r}"), "")
        name = str(original)
        while name in done.data_keys:
            name += "_"
    done.data_keys[name] = data_key
    done.names[original] = name
