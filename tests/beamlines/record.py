"""Write the recordings of cases: ``python -m tests.beamlines.record [NAME …]``.

What they make is then another thing: ``tiledmap test tests/mappings/shipped --update``. Read the
difference before you commit it.
"""

import sys
from pathlib import Path

from tests.beamlines import RECORDINGS, Case, find_cases
from tiledmap.documents.recordings import write_documents


def recording(case: Case) -> Path:
    """Where the documents of a case are recorded."""
    return RECORDINGS / f"{case.MAPPING}.jsonl"


def main(names: list[str]) -> None:
    """Record the cases of these mappings, or all."""
    cases = find_cases()
    for name in names or cases:
        write_documents(recording(cases[name]), list(cases[name].documents()))


if __name__ == "__main__":
    main(sys.argv[1:])
