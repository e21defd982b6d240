"""What a facility tests its own mapping with.

>>> from tiledmap.testing import load_cases, run_case
>>> for case in load_cases("smi.test.yaml"):  # doctest: +SKIP
...     outcome = run_case(case)
...     assert outcome.passed, str(outcome)

`tiledmap.testing.strategies` draws documents of runs for Hypothesis; `interpreter` is the reference
meaning of a plan. pytest collects files of tests by itself: see `tiledmap.testing.plugin`.

The names below are loaded when they are first used, so that pytest's plugin costs nothing where
there is no file of tests.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiledmap.testing.cases.find import case_files as case_files
    from tiledmap.testing.cases.find import case_files_of as case_files_of
    from tiledmap.testing.cases.read import Case as Case
    from tiledmap.testing.cases.read import load_cases as load_cases
    from tiledmap.testing.cases.read import read_cases as read_cases
    from tiledmap.testing.cases.run import Outcome as Outcome
    from tiledmap.testing.cases.run import run_case as run_case

__all__ = [
    "Case",
    "Outcome",
    "case_files",
    "case_files_of",
    "load_cases",
    "read_cases",
    "run_case",
]


_HOMES = {
    "Case": "read",
    "Outcome": "run",
    "case_files": "find",
    "case_files_of": "find",
    "load_cases": "read",
    "read_cases": "read",
    "run_case": "run",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'tiledmap.testing' has no attribute {name!r}") from None
    return getattr(import_module(f"tiledmap.testing.cases.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
