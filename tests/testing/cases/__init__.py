"""A small mapping of a facility, and documents for it."""

from pathlib import Path

MAPPING = """\
tiledmap: 1
name: mine
version: 1.0.0
extends: bluesky-v3@^3
settings:
  max_columns: {default: 100}
run:
  parent: [raw]
"""

DOCUMENTS = """\
        - [start, {uid: run-1, time: 1.0, sample: {name: Ni, size: 2}, tiled_access_tags: [staff]}]
        - - descriptor
          - uid: stream-1
            run_start: run-1
            time: 1.0
            name: primary
            data_keys:
              counts: {dtype: integer, shape: [], source: scaler}
              image: {dtype: array, shape: [2, 3], dtype_numpy: <u2, source: camera}
        - - event
          - uid: event-1
            descriptor: stream-1
            time: 1.5
            seq_num: 1
            data: {counts: 5, image: [[1, 2, 3], [4, 5, 6]]}
            timestamps: {counts: 1.5, image: 1.5}
            filled: {}
        - [stop, {uid: stop-1, run_start: run-1, time: 2.0, exit_status: success}]
"""


def write_facility(home: Path, case: str, *, documents: str = DOCUMENTS) -> Path:
    """Write the mapping, and a file of one test: the lines of `case` after its documents."""
    (home / "mine.yaml").write_text(MAPPING)
    path = home / "mine.test.yaml"
    given = f"    given:\n      documents:\n{documents}"
    path.write_text(
        f"tiledmap_test: 1\nmapping: ./mine.yaml\ntests:\n  - name: a run\n{given}{case}"
    )
    return path
