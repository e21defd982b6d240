"""What a new mapping extends, and what is known there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tiledmap.check.examine import Examined, examine
from tiledmap.language import nodes
from tiledmap.language.load import Reading, read_mapping, resolve
from tiledmap.language.render import plain
from tiledmap.plan.lower import lower
from tiledmap.resources import shipped_mappings
from tiledmap.runtime.layout import Layout
from tiledmap.testing.interpreter import interpret

PLAIN = "bluesky-v3"
OF_FILES = "resources"
"""Knows the specs of files of old; where there are none it is `PLAIN`."""


@dataclass(frozen=True)
class Extended:
    """A mapping that is extended.

    Parameters
    ----------
    reference
        As ``extends`` names it.
    """

    reference: str
    mapping: nodes.Mapping
    layout: Layout

    @property
    def declared(self) -> Mapping[str, frozenset[str]]:
        """Fields that it declares, by the kind of document."""
        source = self.mapping.source
        return {
            name: frozenset(added.properties)
            if (added := getattr(source, name, None))
            else frozenset()
            for name in ("start", "descriptor", "stop")
        }

    def names(self, place: tuple[str, ...]) -> set[str]:
        """Names of its rules in a section: a rule of the same name would replace one of them."""
        section: Any = self.mapping
        for step in place:
            section = getattr(section, step, None)
        return {rule.name for rule in section or ()}

    def rules_of_spec(self, spec: str) -> list[nodes.ResourceRepair]:
        """Its rules of resources that name a spec, and apply whatever the run is."""
        return _rules_of_spec(self.mapping, spec)

    def rule_of_datums(self, spec: str) -> nodes.DatumRepair | None:
        """The first of its rules that asks something of the datums of a spec."""
        rules = self.mapping.repair.datums if self.mapping.repair else ()
        return next((each for each in rules if each.kwargs and _names_spec(each.match, spec)), None)


def extended(reference: str, path: Path) -> Extended | Examined:
    """Load what a mapping at `path` would extend.

    Returns
    -------
    Extended or Examined
        The latter where it cannot be used; it says why.
    """
    text = f"tiledmap: 1\nname: extends\nversion: 0.1.0\nextends: '{reference}'\n"

    def read(content: Path | str, file: str) -> Reading:
        return read_mapping(text if content == path else content, file)

    examined = examine(path, read=read)
    mapping = examined.resolved.mapping
    if examined.has_errors or mapping is None:
        return examined
    settings = dict(examined.resolved.settings)
    return Extended(
        reference, mapping, interpret(lower(mapping, settings, examined.resolved.sha256))
    )


def current(name: str) -> str:
    """A shipped mapping as ``extends`` names it: any version that fits this one."""
    mapping = _shipped()[name]
    return f"{name}@^{mapping.version.partition('.')[0]}"


def shipped_rules(spec: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rules of beamlines that say what a spec stands for: the mapping's name, and the rule."""
    for name, mapping in _shipped().items():
        for rule in _rules_of_spec(mapping, spec):
            if rule.mimetype and Path(rule.at().file).stem == name:
                yield name, plain(rule)


@cache
def _shipped() -> Mapping[str, nodes.Mapping]:
    found = {name: resolve(path).mapping for name, path in shipped_mappings().items()}
    return {name: mapping for name, mapping in found.items() if mapping is not None}


def _rules_of_spec(mapping: nodes.Mapping, spec: str) -> list[nodes.ResourceRepair]:
    rules = mapping.repair.resources if mapping.repair else ()
    return [rule for rule in rules if _names_spec(rule.match, spec)]


def _names_spec(match: nodes.ResourceMatch | nodes.DatumMatch | None, spec: str) -> bool:
    patterns = match.spec if match is not None else None
    return patterns is not None and spec.casefold() in map(str.casefold, patterns.texts)
