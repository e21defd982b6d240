"""Payloads that wait, in memory and in a journal."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tiledmap.runtime.backlog import Backlog
from tiledmap.runtime.journal import RunJournal, Spool

PAYLOADS = [bytes([n]) * 10 for n in range(5)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[RunJournal]:
    spool = Spool(tmp_path)
    yield spool.create("run-1")
    spool.close()


def fill(backlog: Backlog) -> Backlog:
    for payload in PAYLOADS:
        backlog.put(payload)
    return backlog


def take_all(backlog: Backlog, limit: int = 15) -> list[bytes]:
    taken = []
    while payloads := backlog.take(limit):
        taken += payloads
    return taken


@pytest.fixture(params=["memory", "journal"])
def backlog(request: pytest.FixtureRequest, journal: RunJournal) -> Backlog:
    return Backlog("run-1", journal if request.param == "journal" else None)


def test_payloads_come_out_in_the_order_in_which_they_went_in(backlog: Backlog) -> None:
    assert take_all(fill(backlog)) == PAYLOADS
    assert take_all(fill(backlog)) == PAYLOADS
    assert backlog.waiting == 0


def test_some_are_taken_at_a_time(backlog: Backlog) -> None:
    fill(backlog)
    assert len(backlog.take(15)) == 2
    assert len(backlog.take(1)) == 1
    assert backlog.waiting > 0


def test_what_waits_in_memory_is_known_and_ends_when_the_next_is_taken() -> None:
    backlog = fill(Backlog("run-1"))
    assert backlog.in_memory == backlog.waiting == 50
    backlog.take(15)
    assert backlog.in_memory == 50
    backlog.take(15)
    assert backlog.in_memory == 30


def test_what_is_taken_waits_until_the_next_is(backlog: Backlog) -> None:
    whole = fill(backlog).waiting
    backlog.take(whole)
    assert backlog.waiting == whole
    assert not backlog.take(whole)
    assert backlog.waiting == 0


def test_a_journal_can_be_taken_again(journal: RunJournal) -> None:
    backlog = fill(Backlog("run-1", journal))
    take_all(backlog)
    assert backlog.in_memory == 0
    assert backlog.is_whole
    backlog.rewind()
    assert take_all(backlog) == PAYLOADS


def test_what_a_disk_does_not_take_waits_in_memory_behind_the_rest(
    journal: RunJournal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_space(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    backlog = fill(Backlog("run-1", journal))
    monkeypatch.setattr(journal, "append", no_space)
    fill(backlog)
    monkeypatch.undo()
    fill(backlog)
    assert backlog.in_memory == 100
    assert not backlog.is_whole
    assert take_all(backlog) == 3 * PAYLOADS
    assert caplog.text.count("No space left on device") == 1


def test_a_journal_is_removed_once(journal: RunJournal) -> None:
    backlog = Backlog("run-1", journal)
    backlog.remove()
    backlog.remove()
    backlog.close()
    assert not journal.path.exists()


def test_a_journal_that_is_left_stays(journal: RunJournal) -> None:
    backlog = Backlog("run-1", journal)
    backlog.close()
    backlog.close()
    assert journal.path.exists()
