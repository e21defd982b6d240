"""Which measurements make a report: one for each work and target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.aims import AIMS, Aim, growth_aims, judge
from benchmarks.bulk import ALL_AT_ONCE, BULK_WRITERS, NODES_AT_ONCE
from benchmarks.bulk_router import NAME as BULK_ROUTER
from benchmarks.live import watch
from benchmarks.measure import enter, measure
from benchmarks.report import (
    Figure,
    Report,
    Result,
    describe_machine,
    ratios_of,
    results_of,
    versions,
)
from benchmarks.shell import largest_mapping, start_up
from benchmarks.targets import Target, TargetName, open_target
from benchmarks.works import growing_works, works
from benchmarks.writers import FLOOR, OURS, WRITERS
from tests.faults.held import measure as measure_held

LIVE_SECONDS = 30.0
HELD_EVENTS = 1_000
_OTHERS = {
    "bulk": "small runs, with a request that Tiled does not have: it makes many nodes at once",
    "live": "50 events a second, and a reader that asks again and again",
    "held": "a scan through a served Tiled, with a document each millisecond",
    "shell": "commands and imports, in fresh interpreters, with the largest shipped mapping",
}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Parameters
    ----------
    repeats
        Turns, after one that warms up.
    scale
        Shrinks the work.
    postgresql
        The address of a PostgreSQL server, without a database.
    with_memory
        Measure memory, too, in further processes.
    writers
        Who takes part, where writers are compared.
    """

    repeats: int = 5
    scale: float = 1.0
    postgresql: str | None = None
    with_memory: bool = True
    writers: Sequence[str] = tuple(WRITERS)


def titles(scale: float) -> dict[str, str]:
    """Everything that can be measured, by name."""
    return {
        **{name: work.title for name, work in works(scale).items()},
        **{
            name: f"{small.title}, and {large.title}"
            for name, (small, large) in growing_works(scale).items()
        },
        **_OTHERS,
    }


def targets_of(name: str, asked: Sequence[TargetName]) -> Sequence[TargetName | None]:
    """Where a work is done, of what was asked for; None where no target is needed."""
    if name in ("held", "shell"):
        return (None,)
    if name == "live":  # a reader in another process needs a server
        return [target for target in asked if target != "in-process"] or ["served"]
    return asked


def make_report(name: str, target: TargetName | None, settings: Settings) -> Report:
    """Measure.

    Raises
    ------
    UnavailableError
        If the target needs a server that is neither given nor installed.
    """
    if target is None:
        return _start_up(settings) if name == "shell" else _held(settings)
    routers = (BULK_ROUTER,) if name == "bulk" else ()
    with open_target(target, settings.postgresql, routers) as there:
        if name == "bulk":
            return _bulk(there, settings)
        if name == "live":
            results = watch(there, LIVE_SECONDS * settings.scale)
            return _report(name, target, "scan", 1, Settings(1, settings.scale), results)
        if name in growing_works():
            return _growth(name, there, settings)
        return _comparison(name, there, settings)


def _comparison(name: str, target: Target, settings: Settings) -> Report:
    work = works(settings.scale)[name]
    entrants = enter(work, writers=settings.writers)
    measured = measure(target, entrants, settings.repeats, with_memory=settings.with_memory)
    results = results_of(entrants, measured)
    return _report(name, target.name, work.unit, work.units, settings, results)


def _bulk(target: Target, settings: Settings) -> Report:
    work = works(settings.scale)["small-runs"]
    entrants = enter(work, writers=BULK_WRITERS)
    measured = measure(target, entrants, settings.repeats, with_memory=False, writers=BULK_WRITERS)
    results = results_of(entrants, measured)
    report = _report("bulk", target.name, work.unit, work.units, settings, results)
    return report.model_copy(update={"ratios": ratios_of(results, (NODES_AT_ONCE, ALL_AT_ONCE))})


def _growth(name: str, target: Target, settings: Settings) -> Report:
    small, large = growing_works(settings.scale)[name]
    entrants = enter(small, large, writers=(*OURS, FLOOR))
    measured = measure(target, entrants, settings.repeats, with_memory=settings.with_memory)
    results = results_of(entrants, measured)
    aims = growth_aims(small.units, large.units)[name]
    return _report(name, target.name, large.unit, large.units, settings, results, aims)


def _start_up(settings: Settings) -> Report:
    mapping = largest_mapping()
    report = _report("shell", "", "call", 1, settings, start_up(mapping, settings.repeats))
    return report.model_copy(update={"title": f"{report.title}: {mapping}"})


def _held(settings: Settings) -> Report:
    events = max(2, round(HELD_EVENTS * settings.scale))
    found = measure_held(settings.repeats, events, keys=10, pause=0.001)
    results = {
        writer: Result(
            figures={
                f"held_{quantile}_us": Figure(values=[microseconds])
                for quantile, microseconds in quantiles.items()
            }
        )
        for writer, quantiles in found.items()
    }
    return _report("held", "", "document", events * settings.repeats, settings, results)


def _report(
    name: str,
    target: str,
    unit: str,
    units: int,
    settings: Settings,
    results: Mapping[str, Result],
    aims: Sequence[Aim] | None = None,
) -> Report:
    return Report(
        work=name,
        title=titles(settings.scale)[name],
        target=target,
        unit=unit,
        units=units,
        scale=settings.scale,
        repeats=settings.repeats,
        machine=describe_machine(),
        versions=versions(),
        results=dict(results),
        ratios=ratios_of(results),
        aims=list(judge(AIMS.get(name, ()) if aims is None else aims, results, target)),
    )
