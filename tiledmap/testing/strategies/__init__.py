"""Hypothesis strategies: documents of Bluesky runs, and mappings that fit them.

A facility can draw `runs` to try its own mapping on documents that no one thought of.
"""

from tiledmap.testing.strategies.documents import Documents, event_page, runs, starts
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
    "event_page",
    "mappings",
    "numbers",
    "runs",
    "starts",
    "texts",
    "words_with_holes",
]
