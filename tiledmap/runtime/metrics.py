"""What writers do, as OpenTelemetry and Prometheus read it.

A writer's status is read when somebody asks for it; a document costs nothing more. The names are
OpenTelemetry's, and for Prometheus what OpenTelemetry's own exporter makes of them.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from tiledmap.runtime.status import Status

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family


class _Writer(Protocol):
    def status(self) -> Status: ...


@dataclass(frozen=True, slots=True)
class Metric:
    """A number in a writer's status.

    Parameters
    ----------
    name
        By OpenTelemetry's conventions.
    unit
        By UCUM: ``{document}`` | ``{run}`` | ``By`` | ``s``.
    grows
        Whether it only grows while its writer lives.
    meaning
        What it says, as one line.
    """

    name: str
    unit: str
    grows: bool
    meaning: str
    value: Callable[[Status], float]

    @property
    def prometheus_name(self) -> str:
        """By Prometheus's conventions; a counter's ``_total`` is added by its client."""
        return self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "")


_SUFFIXES = {"By": "_bytes", "s": "_seconds"}


def _waiting(status: Status) -> float:
    return 0.0 if status.waiting_since is None else max(time.time() - status.waiting_since, 0.0)


METRICS = (
    Metric(
        "tiledmap.documents.accepted",
        "{document}",
        True,
        "Documents that were taken from the RunEngine.",
        lambda status: status.accepted,
    ),
    Metric(
        "tiledmap.documents.written",
        "{document}",
        True,
        "Documents that were given to Tiled or wait in a batch for it.",
        lambda status: status.written,
    ),
    Metric(
        "tiledmap.runs.open",
        "{run}",
        False,
        "Runs that have begun and not ended.",
        lambda status: len(status.runs_open),
    ),
    Metric(
        "tiledmap.runs.written",
        "{run}",
        True,
        "Runs that have ended and are stored whole.",
        lambda status: status.runs_written,
    ),
    Metric(
        "tiledmap.runs.failed",
        "{run}",
        True,
        "Runs that have ended and are not stored whole.",
        lambda status: status.runs_failed,
    ),
    Metric(
        "tiledmap.queue.size",
        "By",
        False,
        "Documents that are accepted and not written.",
        lambda status: status.queue_bytes,
    ),
    Metric(
        "tiledmap.spool.size",
        "By",
        False,
        "Journals of runs that are not stored yet.",
        lambda status: status.spool_bytes,
    ),
    Metric(
        "tiledmap.blocked.time",
        "s",
        True,
        "How long callers were made to wait because the queue was full.",
        lambda status: status.blocked_seconds,
    ),
    Metric(
        "tiledmap.waiting.time",
        "s",
        False,
        "For how long the server has been waited for; 0 if it is not.",
        _waiting,
    ),
)

_writers: WeakKeyDictionary[_Writer, str] = WeakKeyDictionary()
_numbers = count(1)


def watch(writer: _Writer) -> None:
    """Let a writer be read, for as long as it exists, by OpenTelemetry and `publish`."""
    _writers[writer] = str(next(_numbers))
    _publish_to_opentelemetry()


def publish(registry: "CollectorRegistry | None" = None) -> None:
    """Give a Prometheus registry what the writers of this process do, now and later.

    Parameters
    ----------
    registry
        Prometheus's default one if None.

    Raises
    ------
    ModuleNotFoundError
        If the package ``prometheus_client`` is not installed.
    ValueError
        If the registry has it already.
    """
    from prometheus_client import REGISTRY

    (registry or REGISTRY).register(_Collector())


class _Collector:
    """Gives Prometheus a family of numbers for each metric."""

    def collect(self) -> "Iterator[Family]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        found = list(_statuses())
        for metric in METRICS:
            kind = CounterMetricFamily if metric.grows else GaugeMetricFamily
            family = kind(metric.prometheus_name, metric.meaning, labels=("mapping", "writer"))
            for number, status in found:
                family.add_metric((status.mapping, number), metric.value(status))
            yield family


@cache
def _publish_to_opentelemetry() -> None:
    """Offer every metric once; without OpenTelemetry's SDK nobody will ask for them."""
    try:
        from opentelemetry.metrics import get_meter
    except ImportError:
        return
    meter = get_meter("tiledmap")
    for metric in METRICS:
        make: Any = (
            meter.create_observable_counter if metric.grows else meter.create_observable_gauge
        )
        observe = partial(_observe, metric)
        make(metric.name, callbacks=[observe], unit=metric.unit, description=metric.meaning)


def _observe(metric: Metric, options: "CallbackOptions") -> "Iterable[Observation]":
    from opentelemetry.metrics import Observation

    for number, status in _statuses():
        attributes = {"tiledmap.mapping": status.mapping, "tiledmap.writer": number}
        yield Observation(metric.value(status), attributes)


def _statuses() -> Iterator[tuple[str, Status]]:
    """The status of each writer, and the writer's number in this process."""
    for reference in _writers.keyrefs():  # a list: others may be made meanwhile
        if (writer := reference()) is not None:
            yield _writers[writer], writer.status()
