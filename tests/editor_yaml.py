"""YAML as an editor reads it."""

from typing import Any

import yaml


class _EditorLoader(yaml.SafeLoader):
    """Reads dates as text."""


_EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:
    """Return a text as data."""
    return yaml.load(text, Loader=_EditorLoader)
