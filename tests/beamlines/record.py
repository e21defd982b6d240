"""Write the recordings and the trees that they make: ``python -m tests.beamlines.record [NAME …]``.

Read the difference before you commit it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.beamlines import RECORDINGS, Case, find_cases, settings
from tests.running import run_tiledmap
from tiledmap.documents.recordings import write_documents


def recording(case: Case) -> Path:
    """Where the documents of a case are recorded."""
    return RECORDINGS / f"{case.MAPPING}.jsonl"


def golden_tree(case: Case) -> Path:
    """Where the tree of a case is drawn."""
    return RECORDINGS / f"{case.MAPPING}.tree.txt"


def draw(case: Case, root: Path) -> str:
    """What ``tiledmap preview`` prints of a case's recording.

    Parameters
    ----------
    root
        An empty directory for files, which are shown as lying in ``/files``: some mappings take the
        structure of arrays from them.
    """
    overrides = settings(case, root)
    if overrides:
        case.write_files(root)
    options = [part for item in overrides.items() for part in ("--set", "{}={}".format(*item))]
    result = run_tiledmap(
        "preview", case.MAPPING, "--documents", recording(case), *options, COLUMNS="1000"
    )
    if result.returncode:
        raise RuntimeError(f"{case.MAPPING}: preview failed\n{result.stdout}\n{result.stderr}")
    lines = (line.rstrip() for line in result.stdout.splitlines())
    return "\n".join(lines).replace(str(root), "/files")


def main(names: list[str]) -> None:
    """Record the cases of these mappings, or all."""
    cases = find_cases()
    for name in names or cases:
        write_documents(recording(cases[name]), list(cases[name].documents()))
        with TemporaryDirectory() as root:
            drawn = draw(cases[name], Path(root))
        golden_tree(cases[name]).write_text(f"{drawn}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
