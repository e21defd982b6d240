"""Anchors that stay: what a place on a page is called in links."""

import re

_NOT_KEPT = re.compile(r"[^\w\- ]")
_NOT_IN_ANCHOR = re.compile(r"[^\w.\-]+")


def anchor_of_heading(text: str) -> str:
    """Make the anchor of a heading in words, as code hosting sites make it."""
    return _NOT_KEPT.sub("", text.strip().lower()).replace(" ", "-")


def anchor_of_name(name: str) -> str:
    """Make the anchor of a field, rule, keyword or code: its name, as far as links can hold it.

    ``streams.every-stream.data`` and ``TM201`` stay as they are; ``*`` becomes ``any``.
    """
    return _NOT_IN_ANCHOR.sub("-", name.replace("*", "any")).strip("-")
