"""A mapping's own tests: documents in, expected nodes out, in a ``NAME.test.yaml`` beside it."""

from tiledmap.testing.cases.find import case_files, case_files_of
from tiledmap.testing.cases.read import Case, load_cases, read_cases
from tiledmap.testing.cases.run import Outcome, run_case

__all__ = [
    "Case",
    "Outcome",
    "case_files",
    "case_files_of",
    "load_cases",
    "read_cases",
    "run_case",
]
