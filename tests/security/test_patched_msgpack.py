"""Other libraries replace msgpack, for the whole process, by one that unpickles what it reads."""

import subprocess
import sys
from pathlib import Path

BEGINNING = """\
import pickle, sys
import msgpack_numpy
msgpack_numpy.patch()

class Trap:
    def __reduce__(self):
        return (sys.exit, ("code was run",))

TRAP = {b"nd": True, b"kind": b"O", b"data": pickle.dumps(Trap())}
"""


def run(script: str, *arguments: object) -> None:
    """Run a script in a process where msgpack was replaced before we were imported."""
    command = [sys.executable, "-c", BEGINNING + script, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_journal_of_a_stranger_runs_no_code() -> None:
    run("""\
from tiledmap.runtime.journal import decode, encode

assert decode(encode("event", {"data": TRAP})) == ("event", {"data": TRAP}, False)
""")


def test_a_recording_of_a_stranger_runs_no_code(tmp_path: Path) -> None:
    run(
        """\
from tiledmap.documents.recordings import RecordingError, read_documents

with open(sys.argv[1], "wb") as file:
    file.write(msgpack_numpy.Packer().pack(["start", TRAP]))
try:
    list(read_documents(sys.argv[1]))
except RecordingError:
    pass
else:
    raise AssertionError("it was read")
""",
        tmp_path / "recording.msgpack",
    )


def test_arrays_in_a_journal_are_what_they_were() -> None:
    run("""\
import numpy as np
from tiledmap.runtime.journal import decode, encode

image = np.arange(6, dtype="<u2").reshape(2, 3)
_, document, _ = decode(encode("event", {"image": image, "number": np.float32(0.5)}))
np.testing.assert_array_equal(document["image"], image)
assert document["image"].dtype == image.dtype
assert type(document["number"]) is np.float32
""")
