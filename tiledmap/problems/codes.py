"""Every problem code: its name and severity. A code is never used again for something else.

The page of a code is ``docs/reference/problems/TM###.md``; its example is
``tests/mappings/invalid/TM###/``.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Errors stop a mapping from being compiled; warnings do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem."""

    id: str
    title: str
    severity: Severity = Severity.ERROR


def _table(*codes: Code) -> dict[str, Code]:
    table = {code.id: code for code in codes}
    assert len(table) == len(codes), "a code is listed twice"
    return table


_WARNING = Severity.WARNING

CODES: dict[str, Code] = _table(
    # 0xx: the file, its YAML, its shape
    Code("TM001", "the file cannot be read"),
    Code("TM002", "the text is not YAML"),
    Code("TM003", "the file is too large or nested too deeply"),
    Code("TM004", "a key is given twice"),
    Code("TM005", "a key that is not known here"),
    Code("TM006", "an anchor, an alias or a merge key"),
    Code("TM007", "a tag"),
    Code("TM008", "a tab in the indentation"),
    Code("TM009", "a value of the wrong shape"),
    Code("TM010", "a value that does not fit its field"),
    Code("TM011", "something required is missing"),
    Code("TM012", "this version of the language is not known"),
    Code("TM013", "this mapping needs another version of a package"),
    Code("TM014", "a rule's name is used twice"),
    Code("TM015", "two things that exclude each other"),
    Code("TM016", "a suppression that suppresses nothing", _WARNING),
    Code("TM017", "a suppression without a reason"),
    Code("TM018", "a reason is missing"),
    # 02x: extends and settings
    Code("TM020", "the mapping that is extended cannot be found"),
    Code("TM021", "mappings extend each other in a circle"),
    Code("TM022", "too many mappings extend one another"),
    Code("TM023", "the extended mapping has another version"),
    Code("TM024", "a rule is removed that is not there"),
    Code("TM025", "a setting that is not declared"),
    Code("TM026", "a setting's value does not fit its type"),
    Code("TM027", "declarations of a field contradict each other"),
    Code("TM028", "a list is added to that was never given", _WARNING),
    # 1xx: expressions
    Code("TM100", "the expression cannot be parsed"),
    Code("TM101", "this is not part of the expression language"),
    Code("TM102", "the expression is too long or too deep"),
    Code("TM103", "no such function"),
    Code("TM104", "wrong arguments for a function"),
    Code("TM105", "a hole where an expression is expected"),
    Code("TM106", "a hole where only a literal may stand"),
    Code("TM107", "a hole that is not closed"),
    Code("TM108", "a pattern that is not a valid or safe regular expression"),
    # 2xx: sound
    Code("TM200", "this name is not available here"),
    Code("TM201", "the document has no such field"),
    Code("TM202", "an object has no such field"),
    Code("TM203", "the field may be absent"),
    Code("TM204", "types that do not fit together"),
    Code("TM205", "a condition that is not true or false"),
    Code("TM206", "a value of the wrong type for where it goes"),
    Code("TM207", "a field that cannot be looked up in"),
    Code("TM208", "a default that is never used", _WARNING),
    Code("TM209", "a copied document has no such field to leave out"),
    Code("TM211", "a class or function to load cannot be found"),
    Code("TM212", "a class or function to load has the wrong signature"),
    Code("TM213", "a dtype that numpy does not know"),
    Code("TM214", "a date that has passed", _WARNING),
    # 3xx: total and unambiguous
    Code("TM300", "a stream may match no rule"),
    Code("TM301", "a data key may match no rule"),
    Code("TM302", "a field of a document goes nowhere"),
    Code("TM303", "values of a table have no column"),
    Code("TM304", "a file may match no asset rule"),
    Code("TM305", "a data key in files is not stored as files"),
    Code("TM306", "a stop document that is made up does not say so", _WARNING),
    Code("TM310", "a rule that can never be reached"),
    Code("TM311", "two rules write the same node"),
    Code("TM312", "two columns may have the same name"),
    Code("TM313", "two repairs set the same thing"),
    Code("TM314", "a table that no rule writes to", _WARNING),
    Code("TM315", "a table that is not declared"),
    Code("TM316", "rules that differ only by 'when'", _WARNING),
    Code("TM317", "a repair that overrides none that is there"),
    # 4xx: storable
    Code("TM400", "a node key that Tiled cannot serve"),
    Code("TM401", "a column name that a database refuses"),
    Code("TM402", "a column type that a database refuses"),
    Code("TM403", "more columns than a database takes"),
    Code("TM404", "dims that do not fit the data"),
    Code("TM405", "a consolidator lacks what it needs"),
    Code("TM406", "a consolidator that is not known"),
    Code("TM407", "too many specs, or one that is too long"),
    Code("TM408", "how files are joined is not said"),
    Code("TM409", "a spec given twice"),
    Code("TM410", "metadata that cannot be stored"),
    Code("TM411", "access tags that may be empty", _WARNING),
    Code("TM412", "a mimetype that is not one"),
    Code("TM413", "a mimetype that Tiled has no adapter for", _WARNING),
    Code("TM414", "a data key's new name that stands for something else"),
    Code("TM415", "files whose reader may lack what it needs", _WARNING),
    # 5xx: readable
    Code("TM500", "the run has no versioned BlueskyRun spec"),
    Code("TM501", "a stream has no versioned BlueskyEventStream spec"),
    Code("TM502", "the run's key is not its uid", _WARNING),
    Code("TM503", "the event table is not called 'internal'", _WARNING),
    Code("TM504", "a stream has more than one table", _WARNING),
    Code("TM505", "a column without its timestamps", _WARNING),
    Code("TM506", "the stream lacks metadata that readers need", _WARNING),
    Code("TM507", "a node that readers take for a stream", _WARNING),
    Code("TM508", "the table lacks seq_num or time", _WARNING),
    Code("TM509", "the run's start or stop document is not where readers look", _WARNING),
    Code("TM510", "an array that readers take for data of events", _WARNING),
    # 6xx: a mapping's own tests
    Code("TM600", "a value that is not what a test expects"),
    Code("TM601", "a node that a test expects is not made"),
    Code("TM602", "something that a strict test does not expect"),
    Code("TM603", "a document that event-model refuses"),
    Code("TM604", "a problem that a test expects does not occur"),
)
