import os
from pathlib import Path

import numpy as np
import pytest

from tiledmap.runtime.journal import Spool, SpoolError, encode, survey


def test_a_survey_says_what_is_known_of_each_run(directory):
    spool = Spool(directory, header={"mapping": "bluesky-v3", "server": "http://tiled:8000"})
    one, other = spool.create("one"), spool.create("other")
    one.append(encode("start", {"uid": "one", "time": 20.0, "plan_name": "scan"}))
    one.append(encode("event", {"data": {"image": np.zeros((1000, 1000))}}))
    one.append(encode("event", {"data": {"a": 1}}))
    one.append(encode("stop", {"uid": "stop", "image": np.zeros(3)}))
    one.remark("first")
    one.remark("the server refused it")
    other.append(encode("start", {"uid": "other", "time": 10.0}))
    one.close()

    second, first = survey(directory)[::-1]

    assert (first.run, first.documents, first.has_stop, first.locked) == ("other", 1, False, True)
    assert (first.plan_name, first.started, first.remark) == ("", 10.0, "")
    assert (second.run, second.documents, second.has_stop) == ("one", 4, True)
    assert (second.plan_name, second.started, second.locked) == ("scan", 20.0, False)
    assert second.remark == "the server refused it"
    assert second.header == {"mapping": "bluesky-v3", "server": "http://tiled:8000"}
    assert (second.id, second.path, second.size) == (one.id, one.path, one.size)
    assert (first.problem, second.problem) == ("", "")
    other.close()
    spool.close()


def test_many_small_documents_are_counted(spool):
    journal = spool.create("run")
    for number in range(5000):
        journal.append(encode("event", {"seq_num": number, "text": "x" * (number % 300)}))
    (info,) = survey(spool.directory)
    assert info.documents == 5000


def test_a_run_without_a_start_is_dated_by_its_file(spool):
    spool.create("run").close()
    (info,) = survey(spool.directory)
    assert (info.documents, info.plan_name) == (0, "")
    assert abs(info.started - os.stat(info.path).st_mtime) < 60


@pytest.fixture
def foreign(spool: Spool, tmp_path: Path) -> dict[str, str]:
    """Files that are no journals, or not whole, and what is said of each."""
    directory = spool.directory
    (directory / "text.journal").write_text("no journal")
    (directory / "empty.journal").write_bytes(b"")
    (directory / "directory.journal").mkdir()
    (directory / "link.journal").symlink_to(tmp_path)
    os.mkfifo(directory / "pipe.journal")
    for name in ("torn", "damaged", "header"):
        journal = spool.create(name)
        journal.append(b"first")
        journal.append(b"second")
        journal.close()
        content = bytearray(journal.path.read_bytes())
        if name == "torn":
            content = content[:-3]
        content[{"torn": -1, "damaged": -19, "header": 25}[name]] ^= name != "torn"
        journal.path.write_bytes(content)
    return {
        "text": "is no journal",
        "empty": "holds nothing yet",
        "directory": "no regular file",
        "link": "cannot be opened",
        "pipe": "no regular file",
        "torn": "",
        "damaged": "is damaged: it has something that is no record",
        "header": "is damaged",
    }


def test_of_foreign_and_damaged_files_it_says_what_they_are(spool, foreign):
    problems = {info.path.stem: info.problem for info in survey(spool.directory)}
    assert problems.keys() == foreign.keys()
    for name, words in foreign.items():
        assert words in problems[name], name
        assert bool(words) == bool(problems[name])


def test_a_survey_changes_nothing(spool, foreign):
    def everything() -> dict[str, object]:
        return {
            path.name: (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes())
            for path in spool.directory.iterdir()
        }

    before = everything()
    survey(spool.directory)
    assert everything() == before


def test_a_directory_that_is_not_there_is_said_not_to_be(tmp_path):
    with pytest.raises(SpoolError, match="nowhere cannot be read: No such file"):
        survey(tmp_path / "nowhere")
