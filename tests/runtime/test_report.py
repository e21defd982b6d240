"""The report at a run's end: which repairs were applied, which were not, and which are too old."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from tests.runtime.conftest import write
from tests.runtime.layouts import LAYOUT, descriptor, event, key, start, stop
from tiledmap.runtime.layout import DataKeyRepair, DocumentRepair, Repairs
from tiledmap.runtime.report import RepairRule, RunReport
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink


def data_key(name: str, prefix: str, until: str | None = None) -> DataKeyRepair:
    return DataKeyRepair(
        name,
        matches=lambda start, descriptor, data_key: data_key["name"].startswith(prefix),
        repair=lambda start, descriptor, data_key: {**data_key, "units": "mm"},
        at=f"m.yaml:{len(name)}",
        until=until,
    )


def document(name: str) -> DocumentRepair:
    return DocumentRepair(
        name,
        matches=lambda start, document: True,
        repair=lambda start, document: dict(document),
        at=f"m.yaml:{len(name)}",
    )


LAYOUT_WITH_REPAIRS = replace(
    LAYOUT,
    repairs=Repairs(
        start=(document("begin"),),
        stop=(document("end"),),
        data_keys=(
            data_key("motors", "m"),
            data_key("images", "img"),
            data_key("old", "m", "1969"),
        ),
    ),
)
RUN = [
    ("start", start()),
    ("descriptor", descriptor({"m1": key(), "m2": key(), "x": key()})),
    ("event", event(1, {"m1": 1.0, "m2": 2.0, "x": 3.0})),
    ("stop", stop()),
]


def reports(documents: list[Any] = RUN) -> list[RunReport]:
    told: list[RunReport] = []
    write(documents, LAYOUT_WITH_REPAIRS, reported=told.append)
    return told


def test_a_run_reports_its_repairs() -> None:
    (report,) = reports()

    assert (report.run, report.path, report.notes) == ("run-1", ("run-1",), ())
    assert report.applied == {
        RepairRule("start", "begin", "m.yaml:5"): 1,
        RepairRule("stop", "end", "m.yaml:3"): 1,
        RepairRule("data_keys", "motors", "m.yaml:6"): 2,
    }
    assert report.unused == (RepairRule("data_keys", "images", "m.yaml:6"),)
    assert report.expired == (RepairRule("data_keys", "old", "m.yaml:3"),)


def test_the_report_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tiledmap"):
        reports()

    assert caplog.messages == [
        "run run-1: repairs applied: data_keys.motors (2), start.begin (1), stop.end (1); "
        "expired: data_keys.old; not needed: 1"
    ]


def test_a_run_without_an_end_has_no_report() -> None:
    assert reports(RUN[:-1]) == []


def test_a_report_that_nobody_can_take_leaves_the_writer_as_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    moments = [0.0]

    def refuse(report: RunReport) -> None:
        raise OSError("the printer is on fire")

    sink = MemorySink()
    writer = Writer(LAYOUT, sink, delivery="inline", reported=refuse, clock=lambda: moments[-1])
    for name, document in RUN:
        writer(name, document)
    assert "the printer is on fire" in caplog.text
    assert sink.tree[("run-1",)].closed
    for moment in (100.0, 200.0):
        moments.append(moment)
        writer("event", event(9, {"m1": 1.0, "m2": 2.0, "x": 3.0}))  # of a run that has ended

    assert "its descriptor 'desc-1' was not seen" in caplog.text
