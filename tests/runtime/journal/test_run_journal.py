import logging
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiledmap.runtime.journal import RunJournal, Spool, decode, encode
from tiledmap.runtime.journal.records import Header, NoJournalError, read_header

SETTINGS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), max_examples=150, print_blob=False
)


def every(journal: RunJournal, limit: int = 1 << 20) -> list[bytes]:
    """All documents of a journal."""
    found, offset = [], 0
    while True:
        payloads, offset = journal.read(offset, limit)
        if not payloads:
            return found
        found += payloads


def written(directory: Path, payloads: list[bytes]) -> tuple[Path, list[int]]:
    """A journal that its writer has left, and where each document in it ends."""
    spool = Spool(directory)
    journal = spool.create("run")
    ends = [journal.size]
    for payload in payloads:
        journal.append(payload)
        ends.append(journal.size)
    journal.close()
    spool.close()
    return journal.path, ends


def found(directory: Path, *, damaged: bool = False) -> RunJournal | None:
    spool = Spool(directory)
    journals = list(spool.leftovers(damaged=damaged))
    spool.close()
    return journals[0] if journals else None


EVENT = encode("event", {"seq_num": 1, "data": {"a": 0.5}})


def test_what_was_appended_is_read(spool):
    journal = spool.create("run")
    payloads = [encode("start", {"uid": "run"}), b"", EVENT * 1000]
    for payload in payloads:
        journal.append(payload)

    assert every(journal) == payloads


def test_reading_goes_on_behind_what_was_read(spool):
    journal = spool.create("run")
    for number in range(5):
        journal.append(b"%d" % number * 10)

    first, offset = journal.read(0, 15)
    second, offset = journal.read(offset, 1)
    third, offset = journal.read(offset)
    journal.append(b"5")

    assert [len(first), len(second), len(third)] == [2, 1, 2]
    assert offset < journal.size
    assert journal.read(offset) == ([b"5"], journal.size)
    assert journal.read(journal.size) == ([], journal.size)


def test_a_document_that_is_longer_than_the_limit_is_read(spool):
    journal = spool.create("run")
    journal.append(b"x" * 3_000_000)
    assert every(journal, limit=10) == [b"x" * 3_000_000]


def test_remarks_are_no_documents(spool):
    journal = spool.create("run")
    journal.append(b"one")
    journal.remark("refused")
    journal.append(b"two")
    journal.remark("\ud800" + "x" * 100_000)

    payloads, offset = journal.read(0)

    assert payloads == [b"one", b"two"]
    assert offset == journal.size


def test_landmarks_say_which_documents_belong_to_a_run(spool):
    journal = spool.create("run")
    names = ["start", "descriptor", "event", "resource", "datum", "stream_resource", "stop"]
    for name in names:
        journal.append(encode(name, {"uid": name}))

    seen = [decode(payload)[0] for payload in journal.landmarks()]

    assert seen == ["start", "descriptor", "resource", "stream_resource", "stop"]


def test_one_thread_appends_while_another_reads(spool):
    journal = spool.create("run")
    payloads = [b"%d" % number * (number % 700) for number in range(3000)]
    appending = threading.Thread(target=lambda: [journal.append(each) for each in payloads])
    appending.start()
    seen: list[bytes] = []
    offset = 0
    while len(seen) < len(payloads):
        more, offset = journal.read(offset, 5000)
        seen += more
    appending.join()
    assert seen == payloads


def test_a_journal_that_is_removed_is_gone(spool, directory):
    journal = spool.create("run")
    journal.remove()
    assert os.listdir(directory) == []
    with pytest.raises(OSError, match="closed"):
        journal.append(b"late")
    with pytest.raises(OSError, match="closed"):
        journal.read(0)


# ---------------------------------------------------------------- after a crash

PAYLOADS = st.lists(
    st.binary(max_size=300) | st.binary(max_size=3).map(lambda tail: tail + bytes(1500)),
    max_size=6,
)


@given(payloads=PAYLOADS, data=st.data())
@SETTINGS
def test_of_a_file_cut_anywhere_the_whole_documents_are_read(payloads, data):
    with tempfile.TemporaryDirectory() as directory:
        path, ends = written(Path(directory), payloads)
        size = data.draw(st.integers(0, ends[-1]))
        os.truncate(path, size)

        journal = found(Path(directory))

        whole = sum(end <= size for end in ends) - 1
        if whole < 0:
            assert journal is None
            return
        assert every(journal) == payloads[:whole]
        journal.append(b"more")
        assert every(journal) == [*payloads[:whole], b"more"]
        journal.close()


@given(payloads=PAYLOADS, data=st.data())
@SETTINGS
def test_of_a_file_with_zeros_at_its_end_the_whole_documents_are_read(payloads, data):
    with tempfile.TemporaryDirectory() as directory:
        path, ends = written(Path(directory), payloads)
        size = data.draw(st.sampled_from(ends))
        os.truncate(path, size)
        os.truncate(path, size + data.draw(st.integers(0, 3000)))

        journal = found(Path(directory))

        assert every(journal) == payloads[: ends.index(size)]
        assert os.stat(path).st_size == size
        journal.close()


@given(payloads=PAYLOADS, data=st.data())
@SETTINGS
def test_of_a_file_with_a_changed_byte_nothing_else_is_read_than_was_written(payloads, data):
    logging.getLogger("tiledmap").disabled = True
    with tempfile.TemporaryDirectory() as directory:
        path, ends = written(Path(directory), payloads)
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)

        journal = found(Path(directory), damaged=True)

        if journal is not None:
            read = every(journal)
            assert read == payloads[: len(read)]
            assert place < ends[0] or len(read) >= sum(end <= place for end in ends) - 1
            journal.close()
    logging.getLogger("tiledmap").disabled = False


def test_what_a_power_cut_left_of_the_last_document_is_cut_off(directory):
    path, ends = written(directory, [b"first", b"x" * 5000])
    with path.open("r+b") as file:
        file.truncate(4096)
        file.truncate(ends[-1])

    journal = found(directory)

    assert every(journal) == [b"first"]
    assert os.stat(path).st_size == ends[1]
    journal.close()


def damage(path: Path, place: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize(
    "into", [0, 4, 8, 12, 13, 20], ids=["length", "inverse", "sum", "kind", "text", "more"]
)
def test_a_damaged_file_is_kept_as_it_is_and_passed_over(directory, caplog, into):
    path, ends = written(directory, [b"first", b"second, which is long", b"third"])
    content = damage(path, ends[1] + into)
    spool = Spool(directory)

    assert list(spool.leftovers()) == []
    assert list(spool.leftovers()) == []

    assert path.read_bytes() == content
    assert [record.getMessage() for record in caplog.records].count(caplog.messages[0]) == 1
    assert "is damaged: it has" in caplog.messages[0]
    assert f"from byte {ends[1]} on" in caplog.messages[0]
    spool.close()


def test_of_a_damaged_file_all_before_the_damage_can_be_had(directory):
    path, ends = written(directory, [b"first", b"second", b"third"])
    content = damage(path, ends[1] + 14)

    journal = found(directory, damaged=True)

    assert every(journal) == [b"first"]
    assert "not as it was written" in journal.problem
    with pytest.raises(OSError, match="damaged"):
        journal.append(b"more")
    with pytest.raises(OSError, match="damaged"):
        journal.remark("why")
    journal.close()
    assert path.read_bytes() == content


def test_a_file_that_is_damaged_while_it_is_used_is_read_up_to_there(spool, caplog):
    journal = spool.create("run")
    for payload in (b"first", b"second", b"third"):
        journal.append(payload)
    content = damage(journal.path, journal.size - 1)

    assert every(journal) == [b"first", b"second"]
    assert every(journal) == [b"first", b"second"]

    assert len(caplog.records) == 1
    assert journal.path.read_bytes() == content


# ---------------------------------------------------------------- disks that fail

ON_A_FULL_DISK = """
import os, resource, sys
from pathlib import Path
from tiledmap.runtime.journal import Spool

spool = Spool(sys.argv[1])
journal = spool.create("run")
journal.append(b"first")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 500, hard))
for size in (10_000, 600):
    before = journal.size
    try:
        journal.append(b"x" * size)
    except OSError as error:
        print(type(error).__name__, journal.size == before == os.stat(journal.path).st_size)
journal.append(b"small")
try:
    journal.remark("x" * 5000)
except OSError:
    print(journal.read(0)[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
journal.append(b"y" * 10_000)
print([len(payload) for payload in journal.read(0)[0]])
"""


def run_script(script: str, *arguments: Any) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


def test_a_document_that_a_disk_does_not_take_leaves_nothing_behind(directory):
    assert run_script(ON_A_FULL_DISK, directory) == [
        "OSError True",
        "OSError True",
        "[b'first', b'small']",
        "[5, 5, 10000]",
    ]


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mounting, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"nothing can be mounted: {error}")
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_when_a_full_disk_has_room_again_documents_are_taken_again(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(30_000))
    spool = Spool(small_disk)
    journal = spool.create("run")
    journal.append(b"first")
    with pytest.raises(OSError, match="No space"):
        journal.append(b"x" * 50_000)
    others = []
    with pytest.raises(OSError, match="No space"):
        others += iter(lambda: spool.create("other"), None)
    for other in others:
        other.remove()
    ballast.unlink()
    journal.append(b"y" * 20_000)

    assert [len(payload) for payload in every(journal)] == [5, 20_000]
    journal.close()
    spool.close()


def test_a_disk_that_cannot_even_cut_back_is_asked_again_before_the_next_document(tmp_path):
    fd = os.open("/dev/full", os.O_RDWR)
    journal = RunJournal(tmp_path / "run", fd, Header("run", "id", 0.0, {}), 0, "stop")
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011  of the one kind or the other
            journal.append(b"first")
        assert journal.size == 0
    journal.close()


# ---------------------------------------------------------------- processes that are forked

IN_A_CHILD = """
import os, sys
from tiledmap.runtime.journal import Spool, statuses

spool = Spool(sys.argv[1])
journal = spool.create("run")
journal.append(b"first")
spool.publish({"alive": True})
child = os.fork()
if not child:
    for act in (lambda: journal.append(b"child"), lambda: spool.create("other"), journal.remove):
        try:
            act()
        except OSError as error:
            print("of another process" in str(error), flush=True)
    journal.close()
    spool.close()
    os._exit(0)
os.waitpid(child, 0)
other = Spool(sys.argv[1])
print(list(other.leftovers()), statuses(sys.argv[1]))
journal.append(b"second")
print(journal.read(0)[0])
"""


def test_a_forked_process_leaves_journals_to_its_parent(directory):
    assert run_script(IN_A_CHILD, directory) == [
        "True",
        "True",
        "True",
        "[] [{'alive': True}]",
        "[b'first', b'second']",
    ]


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize("content", [b"tiledmap journal 2\n...", b"SQLite format 3\0", bytes(100)])
def test_what_is_no_journal_of_this_version_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(NoJournalError):
        read_header(file.fileno(), len(content))


def test_a_header_keeps_what_a_writer_says_of_itself(tmp_path):
    header = Header("run \ud800", "id", 1.5, {"mapping": "m", "odd": {1: (2,)}, "path": tmp_path})
    content = header.to_bytes()
    (tmp_path / "file").write_bytes(content)

    with (tmp_path / "file").open("rb") as file:
        read = read_header(file.fileno(), len(content))

    assert (read.run, read.id, read.created, read.end) == ("run \ud800", "id", 1.5, len(content))
    assert read.writer == {"mapping": "m", "odd": {1: [2]}, "path": str(tmp_path)}
