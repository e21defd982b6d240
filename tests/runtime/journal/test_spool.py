import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.journal.test_run_journal import every, run_script
from tiledmap.runtime.journal import Spool, SpoolError, statuses
from tiledmap.runtime.journal import directory as files
from tiledmap.runtime.journal.spool import without_credentials


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_read_what_is_in_a_spool(tmp_path):
    spool = Spool(tmp_path / "new" / "spool")
    journal = spool.create("run")
    spool.publish({})

    assert mode(spool.directory) == 0o700
    assert {mode(path) for path in spool.directory.iterdir()} == {0o600}
    journal.close()
    spool.close()


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("2f3a-4b", "2f3a-4b.journal"),
        ("../../etc/passwd", "_etc_passwd.journal"),
        (".hidden", "_hidden.journal"),
        ("-rf", "rf.journal"),
        ("", "run.journal"),
        ("a\0b\n\ud800é", "a_b_.journal"),
        ("x" * 5000, "x" * 80 + ".journal"),
    ],
)
def test_a_run_of_any_name_has_a_file_in_the_directory(spool, directory, run, name):
    journal = spool.create(run)

    assert os.listdir(directory) == [name]
    assert journal.path == directory / name
    assert journal.run == run
    journal.close()


def test_runs_whose_names_make_the_same_file_are_numbered(spool, directory):
    journals = [spool.create(run) for run in ("a/b", "a?b", "a/b")]
    for journal in journals:
        journal.close()

    assert [journal.path.name for journal in journals] == [
        "a_b.journal",
        "a_b-2.journal",
        "a_b-3.journal",
    ]
    found = list(spool.leftovers())
    assert [journal.run for journal in found] == ["a/b", "a?b", "a/b"]
    assert len({journal.id for journal in found}) == 3
    assert [journal.id for journal in found] == [journal.id for journal in journals]
    for journal in found:
        journal.close()


def test_journals_that_a_writer_holds_are_no_leftovers(spool, directory):
    held, left = spool.create("held"), spool.create("left")
    left.close()
    other = Spool(directory)

    found = list(other.leftovers())

    assert [journal.run for journal in found] == ["left"]
    assert list(spool.leftovers()) == []
    for journal in (held, *found):
        journal.close()
    other.close()


WRITES_UNTIL_KILLED = """
import sys, time
from tiledmap.runtime.journal import Spool

spool = Spool(sys.argv[1])
journal = spool.create("run")
journal.append(b"first")
spool.publish({"pid": 1})
print("ready", flush=True)
time.sleep(600)
"""


def test_what_a_killed_writer_leaves_is_found_and_gone_on_with(directory):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    spool = Spool(directory)
    assert list(spool.leftovers()) == []
    assert statuses(directory) == [{"pid": 1}]

    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    assert statuses(directory) == []
    (journal,) = spool.leftovers()
    journal.append(b"second")
    assert every(journal) == [b"first", b"second"]
    journal.close()
    spool.close()
    Spool(directory).close()
    assert os.listdir(directory) == ["run.journal"]


def test_leftovers_come_oldest_first(spool):
    for run in ("z", "a", "m"):
        spool.create(run).close()
    found = list(spool.leftovers())
    assert [journal.run for journal in found] == ["z", "a", "m"]
    for journal in found:
        journal.close()


def test_journals_that_were_ours_are_passed_over_if_asked(spool, directory):
    mine = spool.create("mine")
    spool.put_away(mine)
    other = Spool(directory)
    other.create("theirs").close()
    found = [journal.run for journal in spool.leftovers(again=False)]
    assert found == ["theirs"]
    assert [journal.run for journal in spool.leftovers(again=False)] == []
    assert [journal.run for journal in spool.leftovers()] == ["mine"]
    other.close()


def test_whether_a_file_is_in_use_can_be_asked(spool, directory):
    other = Spool(directory)
    journal = other.create("run")
    journal.append(EVENT)
    assert spool.take_over("run.journal") is None
    assert spool.is_in_use("run.journal")
    journal.close()
    assert not spool.is_in_use("run.journal")
    assert not spool.is_in_use("other.journal")
    other.close()


def test_a_journal_can_be_set_aside(spool, directory):
    journal = spool.create("run")
    journal.append(EVENT)
    place = journal.set_aside()
    assert place.parent == directory / "refused"
    assert list(spool.leftovers()) == []
    (again,) = Spool(place.parent).leftovers()
    assert again.read(0)[0] == [EVENT]
    assert again.set_aside() == place


def test_what_is_no_journal_is_passed_over_and_kept(spool, directory, tmp_path, caplog):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (directory / "text.journal").write_text("no journal")
    (directory / "zeros.journal").write_bytes(bytes(5000))
    (directory / "link.journal").symlink_to(elsewhere)
    (directory / "directory.journal").mkdir()
    (directory / "notes.txt").write_text("somebody's")
    os.mkfifo(directory / "pipe.journal")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(directory / "socket.journal"))
    before = sorted(os.listdir(directory))

    for _ in range(2):
        assert list(spool.leftovers(damaged=True)) == []

    assert sorted(os.listdir(directory)) == before
    assert elsewhere.read_bytes() == b"precious"
    assert len(caplog.messages) == len(set(caplog.messages)) == 6


@pytest.mark.parametrize("size", [0, 5, 25, 60])
def test_a_file_whose_writer_ended_before_its_header_was_written_is_removed(directory, size):
    spool = Spool(directory)
    journal = spool.create("run")
    journal.close()
    os.truncate(journal.path, size)

    assert list(spool.leftovers()) == []

    assert os.listdir(directory) == []
    spool.close()


# ---------------------------------------------------------------- directories that are none

AS_NOBODY = """
import os, sys
from tiledmap.runtime.journal import Spool
os.setuid(65534)
try:
    Spool(sys.argv[1])
except OSError as error:
    print(type(error).__name__, error)
"""


def test_a_file_is_no_spool(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"file cannot be used: (File exists|Not a directory)"):
        Spool(tmp_path / "file")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc here")
def test_a_file_system_that_takes_no_files_is_no_spool():
    with pytest.raises(SpoolError, match="cannot be used"):
        Spool("/proc/self")
    with pytest.raises(SpoolError, match="cannot be used"):
        Spool("/proc/self/new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_directory_of_someone_else_is_no_spool():
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        assert run_script(AS_NOBODY, directory) == [
            f"SpoolError the spool {directory} cannot be used: Permission denied"
        ]


def test_where_files_cannot_be_locked_there_is_no_spool(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    with pytest.raises(SpoolError, match="POSIX locks"):
        Spool(tmp_path)
    with pytest.raises(SpoolError, match="POSIX locks"):
        statuses(tmp_path)


def test_a_spool_that_is_closed_takes_no_runs(directory):
    spool = Spool(directory)
    spool.close()
    spool.close()
    with pytest.raises(SpoolError, match="closed"):
        spool.create("run")


# ---------------------------------------------------------------- status


def test_a_status_is_replaced_and_gone_when_its_writer_is(spool, directory):
    other = Spool(directory)
    spool.publish({"written": 1})
    other.publish({"written": 2, "path": Path("/a")})
    spool.publish({"written": 3})

    assert sorted(status["written"] for status in statuses(directory)) == [2, 3]
    other.close()
    assert statuses(directory) == [{"written": 3}]
    assert len(os.listdir(directory)) == 1


def test_a_status_of_nobody_is_passed_over_and_removed_by_the_next_writer(directory):
    directory.mkdir()
    (directory / "writer-0f.json").write_text(json.dumps({"written": 1}))
    assert statuses(directory) == []

    Spool(directory).close()

    assert os.listdir(directory) == []


# ---------------------------------------------------------------- promises


@pytest.fixture
def synced(monkeypatch) -> list[Any]:
    """What was made safe against a loss of power, as names of files."""
    names: list[Any] = []
    sync = os.fsync

    def fsync(fd: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        sync(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc here")
EVENT = b"\x93\xa5event"
STOP = b"\x93\xa4stop"


@needs_proc
def test_each_record_can_be_made_safe(directory, synced):
    spool = Spool(directory, fsync="record")
    journal = spool.create("run")
    assert synced == ["run.journal", "spool"]
    journal.append(EVENT)
    journal.append(STOP)
    assert synced[2:] == ["run.journal", "run.journal"]
    spool.sync()
    assert len(synced) == 4
    journal.close()
    spool.close()


@needs_proc
def test_each_run_can_be_made_safe_when_it_stops(directory, synced):
    spool = Spool(directory, fsync="stop")
    journal = spool.create("run")
    journal.append(EVENT)
    assert not spool.sync_due()
    assert synced == []
    journal.append(STOP)
    assert synced == ["run.journal"]
    journal.close()
    spool.close()


@needs_proc
def test_all_can_be_made_safe_every_so_often(directory, synced):
    spool = Spool(directory, fsync=0)
    journal = spool.create("run")
    assert spool.sync_due()
    assert synced == ["spool"]
    journal.append(EVENT)
    assert spool.sync_due()
    assert spool.sync_due()
    assert synced == ["spool", "run.journal"]
    journal.append(EVENT)
    journal.close()
    assert synced == ["spool", "run.journal", "run.journal"]
    spool.close()


@needs_proc
def test_it_is_not_made_safe_before_it_is_due(directory, synced):
    spool = Spool(directory, fsync=3600)
    assert spool.sync_due()
    spool.create("run").append(EVENT)
    assert not spool.sync_due()
    assert synced == []
    spool.close()


@needs_proc
def test_a_journal_that_is_put_away_is_made_safe_when_it_is_due(directory, synced):
    spool = Spool(directory, fsync=0)
    journal = spool.create("run")
    journal.append(EVENT)
    spool.put_away(journal)
    assert synced == []
    assert spool.sync_due()
    assert sorted(synced) == ["run.journal", "spool"]
    assert spool.sync_due()
    assert len(synced) == 2
    again = spool.take_over("run.journal")
    again.append(EVENT)
    spool.put_away(again)
    spool.close()
    assert synced[2:] == ["run.journal"]


@pytest.mark.parametrize("fsync", ["always", True, -1, float("nan"), float("inf")])
def test_another_policy_is_refused(directory, fsync):
    with pytest.raises(ValueError, match="'record', 'stop' or a number of seconds"):
        Spool(directory, fsync=fsync)


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("http://tiled:8000/api/v1/", "http://tiled:8000/api/v1/"),
        ("https://user:secret@tiled.org:8000/api", "https://tiled.org:8000/api"),
        ("https://secret@tiled.org", "https://tiled.org"),
        ("http://[::1]:8000/api?api_key=secret#secret", "http://[::1]:8000/api"),
        ("http://user:se@cret@tiled.org/", "http://tiled.org/"),
        ("http://user:secret/secret@tiled.org/", "http://…"),
        ("http://user:secret?secret@tiled.org/", "http://…"),
        ("/data/catalog", "/data/catalog"),
        ("tiled.org/api?api_key=secret", "tiled.org/api"),
        ("", ""),
    ],
)
def test_a_uri_is_kept_without_credentials(uri, kept):
    assert without_credentials(uri) == kept


def test_no_journal_holds_credentials(directory):
    server = "http://user:secret@tiled:8000/?api_key=secret"
    spool = Spool(directory, header={"mapping": "m", "server": server})
    journal = spool.create("run")
    assert b"secret" not in journal.path.read_bytes()
    assert b"http://tiled:8000/" in journal.path.read_bytes()
    journal.close()
    spool.close()
