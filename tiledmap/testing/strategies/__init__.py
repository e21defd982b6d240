"""Hypothesis strategies: documents of Bluesky runs, and mappings that fit them.

A facility can draw `runs` to try its own mapping on documents that no one thought of.
"""

from tiledmap.testing.strategies.documents import (
    Documents,
    datums,
    event_page,
    resources,
    runs,
    starts,
    stream_resources,
)
from tiledmap.testing.strategies.expressions import (
    conditions,
    numbers,
    texts,
    words_with_holes,
)
from tiledmap.testing.strategies.mappings import mappings

__all__ = [
    "Documents",
    "conditions",
    "datums",
    "event_page",
    "mappings",
    "numbers",
    "resources",
    "runs",
    "starts",
    "stream_resources",
    "texts",
    "words_with_holes",
]
