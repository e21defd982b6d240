"""A mapping's text as a tree that knows where every character of it stands.

PyYAML reads; what it finds is kept as text, because a scalar's meaning depends on the field that it
is written in. What YAML offers beyond plain trees (anchors, merge keys, tags) is refused, and where
PyYAML gives up, the causes that are common in mappings are named.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import Reader

from tiledmap.problems import CODES, Note, Problem, Severity, Span

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 50_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's: fifteen times faster
_BREAK = "[\n\x85\u2028\u2029]"  # what ends a line in YAML, once "\r" is read as "\n"


@dataclass(frozen=True)
class Characters:
    """A file's text, by index and by line and column."""

    file: str
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text, line by line."""
        return tuple(re.split(_BREAK, self.text))

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return (0, *(found.end() for found in re.finditer(_BREAK, self.text)))

    def span(self, start: int, end: int) -> Span:
        """Span the characters from index `start` to before index `end`."""
        first = bisect_right(self._starts, start)
        last = bisect_right(self._starts, end)
        return Span(
            self.file,
            first,
            start - self._starts[first - 1] + 1,
            last,
            end - self._starts[last - 1] + 1,
        )

    def index(self, line: int, column: int) -> int:
        """Find the index of the character at a line and column; the nearest one that there is."""
        line = min(max(line, 1), len(self._starts))
        return min(self._starts[line - 1] + max(column, 1) - 1, len(self.text))


@dataclass(frozen=True)
class ScalarNode:
    """A scalar as text, whatever it looks like."""

    value: str
    style: str
    characters: Characters = field(repr=False, compare=False)
    start: int = field(repr=False, compare=False)
    end: int = field(repr=False, compare=False)

    @property
    def plain(self) -> bool:
        """Whether it is written without quotes, on the line of its key."""
        return not self.style

    @property
    def empty(self) -> bool:
        """Whether nothing is written at all."""
        return self.plain and not self.value

    @property
    def header(self) -> str:
        """The line on which a block begins, without its comment: ``|2+``; otherwise nothing."""
        if self.style not in ("|", ">"):
            return ""
        return self.characters.text[self.start : self.end].partition("\n")[0].partition("#")[0]

    @property
    def keeps_its_end(self) -> bool:
        """Whether empty lines after it belong to it."""
        return "+" in self.header

    @cached_property
    def span(self) -> Span:
        """The scalar as it is written, quotes and all."""
        return self.characters.span(self.start, self.end)

    def span_of(self, start: int, end: int) -> Span:
        """Say where the characters ``value[start:end]`` stand in the file.

        Escapes, doubled quotes, folded lines and indentation are seen through.
        """
        if self.plain and self.end - self.start == len(self.value):
            return self.characters.span(self.start + start, self.start + end)
        places = self._places
        if len(places) != len(self.value) or not places:
            return self.span
        first = places[start][0] if start < len(places) else places[-1][1]
        last = places[end - 1][1] if end > start else first
        return self.characters.span(first, last)

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        """Where each character of the value is written, as indexes into the text."""
        text = self.characters.text
        if self.style in ("|", ">"):
            return list(_places_in_block(self.value, text, self.start, self.end))
        quote = len(self.style)
        return list(_places_in_line(text, self.start + quote, self.end - quote, self.style))


@dataclass(frozen=True)
class SequenceNode:
    """A list."""

    items: "tuple[YamlNode, ...]"
    span: Span = field(compare=False)


@dataclass(frozen=True)
class Entry:
    """A key of a mapping and its value."""

    key: ScalarNode
    value: "YamlNode"


@dataclass(frozen=True)
class MappingNode:
    """Keys and values, in the order in which they are written."""

    entries: tuple[Entry, ...]
    span: Span = field(compare=False)

    def get(self, key: str) -> "YamlNode | None":
        """Find the value of a key."""
        return next((entry.value for entry in self.entries if entry.key.value == key), None)


YamlNode = MappingNode | SequenceNode | ScalarNode


def scalars_of(node: YamlNode) -> Iterator[ScalarNode]:
    """Yield every scalar of a tree, keys included, in the order of the text."""
    match node:
        case ScalarNode():
            yield node
        case SequenceNode():
            for item in node.items:
                yield from scalars_of(item)
        case MappingNode():
            for entry in node.entries:
                yield entry.key
                yield from scalars_of(entry.value)


@dataclass(frozen=True)
class Suppression:
    """A comment ``# tiledmap: ignore[TM###] reason``.

    `line` is the line whose problems are meant: the comment's own, or the one that follows a
    comment on a line of its own.
    """

    line: int
    codes: tuple[str, ...]
    reason: str
    span: Span


@dataclass(frozen=True)
class Source:
    """A file that has been read."""

    characters: Characters
    root: YamlNode
    suppressions: tuple[Suppression, ...] = ()

    @property
    def file(self) -> str:
        """The file's name in spans."""
        return self.characters.file

    @property
    def text(self) -> str:
        """The text, with every line break as a single newline."""
        return self.characters.text


def read_source(
    source: Path | str | bytes, file: str | None = None
) -> tuple[Source | None, list[Problem]]:
    """Read a mapping's YAML.

    Parameters
    ----------
    source
        The path of a file, the text itself, or its bytes.
    file
        The name to use in spans; the path, or ``<text>``, if not given.
    """
    if isinstance(source, str):
        return _read_text(source, file or "<text>")
    if isinstance(source, bytes):
        return _read_bytes(source, file or "<text>")
    name = file or str(source)
    try:
        with source.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be opened").lower()
        return None, [Problem("TM001", _top(name), f"cannot read {name}: {reason}")]
    except ValueError:
        return None, [Problem("TM001", _top(name), f"{name!r} is not the name of a file")]
    return _read_bytes(content, name)


def _read_bytes(content: bytes, name: str) -> tuple[Source | None, list[Problem]]:
    if len(content) > MAX_BYTES:
        return None, [_too_large(name)]
    try:
        return _read_text(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte 0x{content[error.start]:02x} in line {line}"
        span = Span(name, line, 1, line, 1)
        return None, [Problem("TM001", span, message, hint="save the file as UTF-8")]


def apply_suppressions(
    problems: Iterable[Problem], sources: Iterable[Source], *, checked: bool = True
) -> list[Problem]:
    """Leave out the warnings that comments ask to ignore, and judge those comments.

    Only warnings can be ignored: a mapping with an error cannot be compiled, said or unsaid. A
    comment of an inherited file may be of no use to those that change what it speaks of; it is
    judged where its own file is checked.

    Parameters
    ----------
    problems
        What was found.
    sources
        The files with the comments, the mapping's own first.
    checked
        Whether every check has run; otherwise a comment may yet turn out to be of use.
    """
    left = list(problems)
    for number, source in enumerate(sources):
        for suppression in source.suppressions:
            here = [
                problem
                for problem in left
                if problem.span.file == source.file and problem.span.line == suppression.line
            ]
            ignored = [
                problem
                for problem in here
                if problem.code in suppression.codes and problem.severity is Severity.WARNING
            ]
            left = [problem for problem in left if problem not in ignored]
            used = {problem.code for problem in ignored}
            if number == 0:
                left += _judge(suppression, used if checked else used | set(suppression.codes))
    return left


def _judge(suppression: Suppression, used: set[str]) -> Iterator[Problem]:
    if not suppression.codes:
        yield Problem(
            "TM016",
            suppression.span,
            "this comment names no code to ignore",
            hint="write # tiledmap: ignore[TM###] and the reason",
        )
    if not suppression.reason:
        yield Problem(
            "TM017",
            suppression.span,
            "a suppression needs a reason",
            hint="say after the bracket why the warning does not matter here",
        )
    for code in suppression.codes:
        if code not in CODES:
            yield Problem("TM016", suppression.span, f"there is no problem {code!r} to ignore")
        elif CODES[code].severity is Severity.ERROR:
            message = f"{code} is an error; only warnings can be ignored"
            yield Problem("TM016", suppression.span, message)
        elif code not in used:
            yield Problem(
                "TM016",
                suppression.span,
                f"there is no {code} here to ignore",
                hint="remove the comment",
            )


# ---------------------------------------------------------------- reading


def _top(file: str) -> Span:
    return Span(file, 1, 1, 1, 1)


def _too_large(file: str) -> Problem:
    return Problem("TM003", _top(file), f"larger than {MAX_BYTES >> 20} MiB")


def _read_text(text: str, file: str) -> tuple[Source | None, list[Problem]]:
    if len(text) > MAX_BYTES:
        return None, [_too_large(file)]
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    characters = Characters(file, text)
    if strange := Reader.NON_PRINTABLE.search(text):
        span = characters.span(strange.start(), strange.end())
        message = f"the character U+{ord(strange.group()):04X} may not stand in YAML"
        return None, [Problem("TM002", span, message)]
    builder = _Builder(characters)
    try:
        root = builder.build()
    except yaml.MarkedYAMLError as error:
        return None, [*builder.problems, _not_yaml(error, characters)]
    except _UnusableError as error:
        return None, [*builder.problems, error.problem]
    problems = [*builder.problems, *_tabs(characters, builder.scalars)]
    suppressions = tuple(_suppressions(characters, builder.scalars))
    return Source(characters, root, suppressions), problems


class _UnusableError(Exception):
    """The tree cannot be built any further."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Builder:
    """Makes the tree from PyYAML's events, which still have the anchors and tags to refuse."""

    def __init__(self, characters: Characters) -> None:
        self.characters = characters
        self.problems: list[Problem] = []
        self.scalars: list[ScalarNode] = []
        self._events: Iterator[Any] = yaml.parse(characters.text, Loader=_LOADER)
        self._nodes = 0

    def build(self) -> YamlNode:
        root: YamlNode | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _UnusableError(
                        self._problem("TM002", event, "a second document begins here")
                    )
                root = self._node(next(self._events), 1)
        if root is None:
            raise _UnusableError(Problem("TM002", _top(self.characters.file), "the file is empty"))
        return root

    def _problem(self, code: str, event: Any, message: str, hint: str = "") -> Problem:
        span = self.characters.span(event.start_mark.index, event.end_mark.index)
        return Problem(code, span, message, hint=hint)

    def _node(self, event: Any, depth: int) -> YamlNode:
        self._nodes += 1
        if depth > MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep"
            raise _UnusableError(self._problem("TM003", event, message))
        if self._nodes > MAX_NODES:
            raise _UnusableError(self._problem("TM003", event, f"more than {MAX_NODES} values"))
        self._refuse_properties(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        return self._scalar(event)

    def _refuse_properties(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            hint = "put a text that begins with * in quotes; repeat a value, or make it a setting"
            self.problems.append(
                self._problem("TM006", event, f"an alias, *{event.anchor}, is not allowed", hint)
            )
            return
        if event.anchor is not None:
            hint = "repeat the value, make it a setting, or share it through extends"
            self.problems.append(
                self._problem("TM006", event, f"an anchor, &{event.anchor}, is not allowed", hint)
            )
        if event.tag is not None:
            hint = "put a text that begins with ! in quotes; types come from the field"
            self.problems.append(
                self._problem("TM007", event, f"a tag, {event.tag}, is not allowed", hint)
            )

    def _scalar(self, event: Any) -> ScalarNode:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):  # most likely a glob without its quotes
            value, style = f"*{event.anchor}", ""
        else:
            value, style = event.value, event.style or ""
        if style in ("|", ">"):
            end = start + len(self.characters.text[start:end].rstrip())
        node = ScalarNode(value, style, self.characters, start, end)
        self.scalars.append(node)
        return node

    def _sequence(self, start: Any, depth: int) -> SequenceNode:
        items: list[YamlNode] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return SequenceNode(tuple(items), self._extent(start, event, items))

    def _mapping(self, start: Any, depth: int) -> MappingNode:
        entries: dict[str, Entry] = {}
        last: list[YamlNode] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            last = [value]
            if not isinstance(key, ScalarNode):
                raise _UnusableError(_key_of_parts(key))
            elif key.plain and key.value == "<<":
                hint = "say what is shared through extends"
                problem = Problem("TM006", key.span, "a merge key, <<, is not allowed", hint=hint)
                self.problems.append(problem)
            elif first := entries.get(key.value):
                self.problems.append(_given_twice(key, first.key))
            else:
                entries[key.value] = Entry(key, value)
        return MappingNode(tuple(entries.values()), self._extent(start, event, last))

    def _extent(self, start: Any, end: Any, children: Sequence[YamlNode]) -> Span:
        """Span a list or mapping; PyYAML's own end of a block is where the next one begins."""
        if start.flow_style or not children:
            return self.characters.span(start.start_mark.index, end.end_mark.index)
        first = self.characters.span(start.start_mark.index, start.start_mark.index)
        last = children[-1].span
        return Span(first.file, first.line, first.column, last.end_line, last.end_column)


def _key_of_parts(key: YamlNode) -> Problem:
    inner = key.entries[0].key.value if isinstance(key, MappingNode) and key.entries else ""
    hint = f"write ${{{{ {inner} }}}}" if inner else "quote a text that begins with { or ["
    return Problem("TM002", key.span, "a key must be text", hint=hint)


def _given_twice(second: ScalarNode, first: ScalarNode) -> Problem:
    return Problem(
        "TM004",
        second.span,
        f"the key {second.value!r} is given twice",
        label="the second one",
        notes=(Note("the first one is here", first.span),),
    )


def _inside(scalars: Sequence[ScalarNode], index: int) -> bool:
    place = bisect_right(scalars, index, key=lambda scalar: scalar.start) - 1
    return place >= 0 and index < scalars[place].end


def _tabs(characters: Characters, scalars: Sequence[ScalarNode]) -> Iterator[Problem]:
    for found in re.finditer(r"^ *(\t+)(?=[^\s#])", characters.text, re.MULTILINE):
        if not _inside(scalars, found.start(1)):
            yield _tab(characters, found.start(1), found.end(1))


def _tab(characters: Characters, start: int, end: int) -> Problem:
    span = characters.span(start, end)
    return Problem("TM008", span, "a tab in the indentation", hint="indent with spaces")


_SUPPRESSION = re.compile(
    r"(?:^|(?<=\s))#\s*tiledmap:\s*ignore\b(?:\[([^\]\n]*)\])?[^\S\n]*(.*)", re.MULTILINE
)


def _suppressions(characters: Characters, scalars: Sequence[ScalarNode]) -> Iterator[Suppression]:
    for found in _SUPPRESSION.finditer(characters.text):
        if _inside(scalars, found.start()):
            continue
        codes = tuple(code.strip() for code in (found[1] or "").split(",") if code.strip())
        span = characters.span(found.start(), found.end())
        yield Suppression(_meant_line(characters, span), codes, found[2].strip(), span)


def _meant_line(characters: Characters, comment: Span) -> int:
    if characters.lines[comment.line - 1][: comment.column - 1].strip():
        return comment.line
    for number, line in enumerate(characters.lines[comment.line :], comment.line + 1):
        if line.strip() and not line.lstrip().startswith("#"):
            return number
    return comment.line


# ---------------------------------------------------------------- what PyYAML cannot read


@dataclass(frozen=True, slots=True)
class _Cause:
    """A line that YAML cannot read, and how its writer should put it."""

    line: re.Pattern[str]
    hint: str


_START = r"(?:^\s*|[:\-,\[{]\s+)"
_CAUSES = (
    _Cause(re.compile(rf"{_START}\*\S"), 'quote a text that begins with *: "*.tiff"'),
    _Cause(
        re.compile(r"\bsize:\s*[<>]=?\s*\d"),
        "a match has no comparisons; use when: data_key.size > 16",
    ),
    _Cause(
        re.compile(rf"{_START}[|>]\w"),
        "quote it, or write the type's name, such as uint8 or float64",
    ),
    _Cause(re.compile(rf"{_START}%"), "quote a text that begins with %"),
    _Cause(re.compile(rf"{_START}[@`]"), "quote a text that begins with @ or `"),
    _Cause(
        re.compile(r"[{\[].*\$\{\{"),
        "put a text with ${{ }} on a line of its own, or quote it inside { } and [ ]",
    ),
    _Cause(
        re.compile(rf"{_START}('[^']*'|\"[^\"]*\")\s*[^\s,}}\]#:]"),
        "quote the whole expression, with the other kind of quotes inside",
    ),
    _Cause(
        re.compile(r":\s+[^\s'\"{\[].*:(\s|$)"),
        "quote the whole value: YAML takes ': ' inside it for a key",
    ),
)


def _not_yaml(error: yaml.MarkedYAMLError, characters: Characters) -> Problem:
    text = characters.text
    mark = error.problem_mark
    if mark is None or (error.context_mark is not None and not text[mark.index :].strip()):
        mark = error.context_mark or mark
    index = min(mark.index, len(text)) if mark is not None else 0
    place = characters.span(index, min(index + 1, len(text)))
    if "nesting depth" in (error.problem or ""):  # libyaml's own limit
        return Problem("TM003", place, f"nested more than {MAX_DEPTH} levels deep")
    line = characters.lines[place.line - 1]
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation:
        start = index - (place.column - 1) + indentation.index("\t")
        return _tab(characters, start, start + indentation.count("\t"))
    hint = next((cause.hint for cause in _CAUSES if cause.line.search(line)), "")
    found = " ".join(part for part in (error.problem, error.context) if part)
    return Problem("TM002", place, f"this is not YAML: {found}", hint=hint)


# ---------------------------------------------------------------- where a value's characters stand

_FOLD = re.compile(rf"[ \t]*(?:{_BREAK}[ \t]*)+")
_ESCAPED_BREAK = re.compile(rf"\\(?:{_BREAK}[ \t]*)+")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_BREAKS = re.compile(_BREAK)


def _places_in_line(text: str, start: int, end: int, style: str) -> Iterator[tuple[int, int]]:
    """Walk a plain or quoted scalar, one pair of indexes for each character that it means."""
    index = start
    while index < end:
        characters = 1
        after = index + 1
        if found := _FOLD.match(text, index, end):
            after = found.end()
            characters = max(1, len(_BREAKS.findall(found.group())) - 1)
        elif style == "'" and text.startswith("''", index):
            after = index + 2
        elif style == '"' and (found := _ESCAPED_BREAK.match(text, index, end)):
            after = found.end()
            characters = len(_BREAKS.findall(found.group())) - 1
        elif style == '"' and (found := _ESCAPE.match(text, index, end)):
            after = found.end()
        for _ in range(characters):
            yield index, after
        index = after


def _places_in_block(value: str, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Walk a literal or folded block: its lines without the indentation, and what joins them."""
    indentation: int | None = None
    done = 0
    line_end = text.find("\n", start, end)
    while 0 <= line_end < end and done < len(value):
        line_start = line_end + 1
        line_end = text.find("\n", line_start, end)
        line = text[line_start : line_end if line_end >= 0 else end]
        if indentation is None:
            if not line.strip():
                continue
            indentation = _leading(line) - _leading(value.lstrip("\n"))
        content = line[indentation:]
        if not content:
            continue
        while done < len(value) and not value.startswith(content, done):
            yield line_start - 1, line_start + indentation
            done += 1
        for offset in range(len(content)):
            at = line_start + indentation + offset
            yield at, at + 1
        done += len(content)
    for _ in range(done, len(value)):
        yield end, end


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
