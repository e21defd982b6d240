"""Read a mapping and check it: everything that is wrong with it, in one list."""

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiledmap.check import Subject, check
from tiledmap.language.load import Reader, Resolved, read_mapping, resolve
from tiledmap.language.yaml_source import apply_suppressions
from tiledmap.problems import Problem, Severity, rank


@dataclass(frozen=True, slots=True)
class Examined:
    """A mapping as far as it could be read, everything that is wrong with it, and its texts."""

    resolved: Resolved
    problems: list[Problem]

    @property
    def sources(self) -> Mapping[str, str]:
        """The text of every file that was read, by the name that problems use."""
        return self.resolved.texts

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def examine(
    source: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    overlays: Sequence[str | Path] = (),
    read: Reader = read_mapping,
    environ: Mapping[str, str] | None = None,
) -> Examined:
    """Read a mapping and check it.

    Parameters
    ----------
    source
        A file, or the name of a shipped mapping.
    settings
        Values for the mapping's settings; they come before ``TILEDMAP_SET_*`` and the defaults.
    overlays
        Mappings laid over this one, in order.
    read
        How a file is read, for whoever has texts that are not saved yet.
    environ
        Where ``TILEDMAP_SET_*`` is looked for; the process's environment if None.
    """
    environ = os.environ if environ is None else environ
    resolved = resolve(source, settings, environ, overlays, read)
    problems = list(resolved.problems)
    if resolved.mapping is not None:
        subject = Subject(resolved.mapping, resolved.settings, datetime.date.today())
        problems.extend(check(subject))
    checked = resolved.mapping is not None
    return Examined(resolved, rank(apply_suppressions(problems, resolved.files, checked=checked)))
