"""Problems: what is wrong with a mapping, as values.

Nothing in tiledmap raises for a fault that a user made in a mapping. Functions return `Problem`
values; `MappingError` carries them where an exception is the only way out.
"""

from tiledmap.problems.codes import CODES, Code, Severity
from tiledmap.problems.problem import NOWHERE, MappingError, Note, Problem, Span, rank

__all__ = [
    "CODES",
    "NOWHERE",
    "Code",
    "MappingError",
    "Note",
    "Problem",
    "Severity",
    "Span",
    "rank",
]
