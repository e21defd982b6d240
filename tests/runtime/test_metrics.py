import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.runtime.layouts import LAYOUT, key, start, whole_run
from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.metrics import METRICS, publish
from tiledmap.runtime.ops import CreateTable, Op
from tiledmap.runtime.status import Status
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

ROOT = Path(__file__).parents[2]
NUMBER = {"x": key("number")}


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    publish(registry)
    return registry


def samples(registry: CollectorRegistry) -> dict[str, dict[str, float]]:
    """By name and number of the writer: what is scraped of writers of these tests."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            if sample.labels["mapping"] == f"{LAYOUT.name} {LAYOUT.version}":
                found.setdefault(sample.name, {})[sample.labels["writer"]] = sample.value
    return found


class Unwilling(MemorySink):
    """Makes no tables."""

    def perform(self, op: Op) -> None:
        if isinstance(op, CreateTable):
            raise SinkError("no space left", op)
        super().perform(op)


def test_prometheus_is_told_what_writers_have_done(registry: CollectorRegistry) -> None:
    with (
        Writer(LAYOUT, MemorySink(), fallback=LAYOUT) as one,
        Writer(LAYOUT, Unwilling(), fallback=LAYOUT) as other,
    ):
        for name, document in whole_run(NUMBER, [{"x": 1}, {"x": 2}]):
            one(name, document)
            other(name, document)
        one("start", {**start(), "uid": "run-2"})
        assert one.flush()
        assert other.flush()
        found = samples(registry)
    of_one, of_other = sorted(found["tiledmap_runs_open"], key=int)[-2:]
    assert {name: (by[of_one], by[of_other]) for name, by in found.items()} == {
        "tiledmap_documents_accepted_total": (6, 5),
        "tiledmap_documents_written_total": (6, 5),
        "tiledmap_runs_open": (1, 0),
        "tiledmap_runs_written_total": (1, 0),
        "tiledmap_runs_failed_total": (0, 1),
        "tiledmap_queue_size_bytes": (0, 0),
        "tiledmap_spool_size_bytes": (0, 0),
        "tiledmap_blocked_time_seconds_total": (0, 0),
        "tiledmap_waiting_time_seconds": (0, 0),
    }


def test_a_writer_that_is_gone_is_told_of_no_more(registry: CollectorRegistry) -> None:
    writer = Writer(LAYOUT, MemorySink(), delivery="inline")
    of_it = max(map(int, samples(registry)["tiledmap_runs_open"]))
    writer.close()
    assert str(of_it) in samples(registry)["tiledmap_runs_open"]
    del writer
    gc.collect()
    assert str(of_it) not in samples(registry).get("tiledmap_runs_open", {})


def test_a_document_costs_nothing_more(registry: CollectorRegistry) -> None:
    class Counting(Writer):
        asked = 0

        def status(self) -> Status:
            self.asked += 1
            return super().status()

    writer = Counting(LAYOUT, MemorySink(), delivery="inline", fallback=LAYOUT)
    for name, document in whole_run(NUMBER, [{"x": 1}]):
        writer(name, document)
    assert writer.asked == 0
    samples(registry)
    assert writer.asked == 1


PROGRAM = """
import gc
import json
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
import tiledmap
from tiledmap.sinks.memory import MemorySink

writer = tiledmap.load("bluesky-v3").writer(MemorySink(), delivery="inline")
reader = InMemoryMetricReader()
set_meter_provider(MeterProvider([reader]))  # also where that is only done later
writer("start", {"uid": "run-1", "time": 1.0})
[resource] = reader.get_metrics_data().resource_metrics
[scope] = resource.scope_metrics
print(json.dumps([
    (metric.name, metric.unit, type(metric.data).__name__, point.value, dict(point.attributes))
    for metric in scope.metrics for point in metric.data.data_points
]))
"""


def test_opentelemetry_asks_by_itself() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[Any] = json.loads(run.stdout)
    assert [(name, unit, kind) for name, unit, kind, *_ in found] == [
        (metric.name, metric.unit, "Sum" if metric.grows else "Gauge") for metric in METRICS
    ]
    values = {name: value for name, _, _, value, _ in found}
    assert values["tiledmap.documents.accepted"] == 1
    assert values["tiledmap.runs.open"] == 1
    for *_, attributes in found:
        assert attributes["tiledmap.mapping"].startswith("bluesky-v3 ")


def test_neither_package_is_needed() -> None:
    program = (
        "import sys\n"
        "sys.modules['opentelemetry'] = sys.modules['prometheus_client'] = None\n"
        "import tiledmap\n"
        "from tiledmap.sinks.memory import MemorySink\n"
        "tiledmap.load('bluesky-v3').writer(MemorySink()).close()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)
