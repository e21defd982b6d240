"""Make the outline of a mapping."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tiledmap.check.coverage import coverage
from tiledmap.check.subject import Subject
from tiledmap.language import nodes
from tiledmap.language.load import Link as Ancestor
from tiledmap.outline.nodes import make_tree
from tiledmap.outline.repairs import describe_hooks, describe_repairs, dropped_data_keys
from tiledmap.outline.values import Move, Outline, OutlineSetting


def make_outline(
    mapping: nodes.Mapping,
    settings: Mapping[str, Any],
    *,
    chain: Sequence[Ancestor] = (),
    sha256: str = "",
) -> Outline:
    """Make the outline of a mapping whose parents have been merged in, and that has no errors.

    Parameters
    ----------
    settings
        Every setting's final value.
    chain
        The mapping itself, then what it extends.
    sha256
        Of the resolved mapping.
    """
    covered = tuple(coverage(Subject(mapping, settings, datetime.date.today())))
    tree = make_tree(mapping, settings, covered)
    return Outline(
        name=mapping.name,
        version=mapping.version,
        title=mapping.title or "",
        description=mapping.description or "",
        profile=mapping.profile.value if mapping.profile else nodes.Profile.FREE.value,
        sha256=sha256,
        chain=tuple(chain),
        settings=tuple(
            _setting(name, setting, settings.get(name))
            for name, setting in mapping.settings.items()
        ),
        repairs=tuple(describe_repairs(mapping)),
        hooks=tuple(describe_hooks(mapping)),
        top=tree.top,
        dropped=(*dropped_data_keys(mapping), *tree.dropped),
        links=tree.links,
        coverage=covered,
        requires=_requirements(mapping),
        moved=tuple(Move(move.was, move.now, move.since, move.at()) for move in mapping.moved),
    )


def _setting(name: str, setting: nodes.Setting, value: Any) -> OutlineSetting:
    return OutlineSetting(
        name=name,
        type=setting.type.value if setting.type else "",
        value=value,
        default=setting.default.plain() if setting.default is not None else None,
        help=setting.help or "",
        at=setting.at(),
        choices=setting.choices,
        minimum=setting.minimum,
        maximum=setting.maximum,
    )


def _requirements(mapping: nodes.Mapping) -> dict[str, str]:
    requires = mapping.requires or nodes.Requires()
    said = {
        "tiledmap": requires.tiledmap,
        "event_model": requires.event_model,
        "documents": mapping.source.event_model if mapping.source else None,
    }
    return {name: range_ for name, range_ in said.items() if range_ is not None}
