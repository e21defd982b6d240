"""The values: a span of text, a problem at a span, and their order."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tiledmap.problems.codes import CODES, Code, Severity
from tiledmap.problems.nearest import Suggestion


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file.

    Parameters
    ----------
    file
        The file's path as the user wrote it, or a name such as ``<text>``.
    line, column
        First character, both counted from 1; columns count characters, not bytes.
    end_line, end_column
        The first character after the stretch.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Span("", 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that belongs to a problem, such as the other of two duplicate keys."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Parameters
    ----------
    code
        ``TM###``, a key of `CODES`.
    span
        Where the user should look.
    message
        What was found and what was expected, as one sentence without a full stop.
    label
        A few words to print under the underlined text.
    hint
        How to mend it; may have several lines.
    notes
        Other places that matter.
    """

    code: str
    span: Span
    message: str
    label: str = ""
    hint: str = ""
    notes: tuple[Note, ...] = field(default=())

    @property
    def kind(self) -> Code:
        return CODES[self.code]

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def suggestion(self) -> Suggestion | None:
        """The right spelling of a word, where the label or the hint asks whether it was meant."""
        words = (self.label, self.hint)
        return next((each for each in words if isinstance(each, Suggestion)), None)

    def __str__(self) -> str:
        return f"{self.span}: {self.severity} {self.code}: {self.message}"


def rank(problems: Iterable[Problem]) -> list[Problem]:
    """Order problems as they should be read: by file and position; errors first where they meet."""
    return sorted(
        dict.fromkeys(problems),
        key=lambda p: (p.span, p.severity is not Severity.ERROR, p.code, p.message),
    )


class MappingError(Exception):
    """A mapping cannot be used; `problems` says why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = rank(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        from tiledmap.problems.formats import format_text

        return "\n" + format_text(self.problems)

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks print: where Python stood does not matter."""
        from tiledmap.problems.formats import format_text

        return format_text(self.problems, color=True).splitlines()
