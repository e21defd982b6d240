"""What became of a run: which repairs were applied, and how often."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tiledmap.runtime.layout import Document, Layout
from tiledmap.runtime.ops import Path
from tiledmap.runtime.upgrade import expired

_SECTIONS = ("roots", "resources", "datums", "data_keys", "start", "descriptor", "stop")


@dataclass(frozen=True, slots=True)
class RepairRule:
    """A rule of ``repair``: its section, its name, and its line of the mapping."""

    section: str
    name: str
    at: str

    def __str__(self) -> str:
        return f"{self.section}.{self.name}"


@dataclass(frozen=True, slots=True)
class RunReport:
    """What is said of a run once it has ended.

    Parameters
    ----------
    run
        The run's uid.
    path
        Its node, as the mapping names it.
    applied
        How often each repair was applied.
    unused
        The repairs that met nothing to put right.
    expired
        The repairs whose last day was before the run.
    notes
        What the run's node says of how it was stored.
    """

    run: str
    path: Path
    applied: Mapping[RepairRule, int]
    unused: tuple[RepairRule, ...]
    expired: tuple[RepairRule, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        applied = ", ".join(f"{rule} ({count})" for rule, count in self.applied.items())
        expired = ", ".join(map(str, self.expired))
        said = [
            applied and f"repairs applied: {applied}",
            expired and f"expired: {expired}",
            f"not needed: {len(self.unused)}" if self.unused else "",
        ]
        return "; ".join(filter(None, said))


def report_run(
    layout: Layout,
    start: Document,
    path: Path,
    applied: Mapping[tuple[str, str], int],
    notes: tuple[str, ...],
) -> RunReport:
    """Compare the repairs of a mapping with those that were applied to a run.

    Parameters
    ----------
    applied
        How often each was applied, by section and name.
    """
    rules = dict(_rules(layout))
    old = tuple(rule for rule, until in rules.items() if expired(until, start))
    counts = {rule: applied[key] for rule in rules if (key := (rule.section, rule.name)) in applied}
    unused = tuple(rule for rule in rules if rule not in counts and rule not in old)
    return RunReport(start["uid"], path, counts, unused, old, notes)


def _rules(layout: Layout) -> Iterator[tuple[RepairRule, str | None]]:
    for section in _SECTIONS:
        for rule in getattr(layout.repairs, section):
            yield RepairRule(section, rule.name, rule.at), rule.until
