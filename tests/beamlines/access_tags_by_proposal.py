"""A count in a session of a proposal, with two people, one of whom has no ORCID iD."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments

MAPPING = "access-tags-by-proposal"

COUNTS = [10.0, 12.0]


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "access",
        1_783_000_000.0,
        scan_id=14,
        plan_name="count",
        data_session="pass-316500",
        proposal={"proposal_id": "316500", "title": "Nickel", "type": "General User"},
        participants=[{"name": "A", "orcid": "0000-0001-0000-0001"}, {"name": "B"}],
        tiled_access_tags=["beamline-staff"],
    )
    run.descriptor(
        "primary", {"I0": {"dtype": "number", "shape": [], "dtype_numpy": "<f8", "source": "PV:I0"}}
    )
    for counts in COUNTS:
        run.event("primary", {"I0": counts})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    return {"primary/internal/I0": np.array(COUNTS)}
