"""A writer into memory, and documents that complain if they are changed."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.comparing import plain
from tests.runtime.layouts import LAYOUT
from tiledmap.runtime.layout import Layout
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

Store = Callable[..., MemorySink]


class Frozen(dict[str, Any]):
    """A dict that cannot be changed."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a document was changed")

    __setitem__ = __delitem__ = update = setdefault = pop = popitem = clear = __ior__ = _refuse


class FrozenList(list[Any]):
    """A list that cannot be changed."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a document was changed")

    append = extend = insert = pop = remove = sort = reverse = clear = _refuse
    __setitem__ = __delitem__ = __iadd__ = _refuse


def frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return Frozen((key, frozen(item)) for key, item in value.items())
    return FrozenList(map(frozen, value)) if isinstance(value, list) else value


def write(
    documents: Iterable[tuple[str, Any]],
    layout: Layout = LAYOUT,
    sink: MemorySink | None = None,
    **options: Any,
) -> MemorySink:
    """Store documents, none of which may be changed on the way."""
    sink = sink or MemorySink()
    given = []
    with Writer(layout, sink, **{"fallback": LAYOUT, "delivery": "inline", **options}) as writer:
        for name, document in documents:
            given.append((document, plain(document)))
            writer(name, document)
    for document, as_it_came in given:
        assert plain(document) == as_it_came
    return sink


@pytest.fixture
def stored() -> Store:
    return write
