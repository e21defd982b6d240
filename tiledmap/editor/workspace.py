"""The mappings and the files of tests that are open, as far as they can be understood.

Texts that are not saved yet stand before those on disk. A file is read again only where its text
has changed; what stands on it is merged and checked anew, which takes hundredths of a second.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tiledmap.check.examine import Examined, examine
from tiledmap.editor.mending import Mended, mend
from tiledmap.language.extends import merge
from tiledmap.language.load import Reading, read_mapping
from tiledmap.language.nodes import Mapping, Node
from tiledmap.language.yaml_source import MAX_BYTES, MappingNode, Source, read_source
from tiledmap.problems import Note, Problem, Span, rank
from tiledmap.resources import shipped_mappings
from tiledmap.testing.cases.given import judge_given
from tiledmap.testing.cases.read import SUFFIX, parse_cases, tested_mapping
from tiledmap.testing.cases.statements import CaseFileStatement

_IS_MAPPING = re.compile(r"^tiledmap[ \t]*:|^#.*\$schema=\S*mapping-v\d", re.MULTILINE)
_IS_TESTS = re.compile(r"^tiledmap_test[ \t]*:|^#.*\$schema=\S*mapping-test-v\d", re.MULTILINE)

_OF_ITS_LINE = re.compile("TM0(0[4-8]|10|12|14|15|17|18)|TM1..")
"""Codes of problems that no other line can be the cause of."""


_NOTHING_YET = Mapping(tiledmap=1, name="unnamed", version="0.0.0")
"""A mapping of which nothing could be read."""


def form_of(text: str) -> type[Node] | None:
    """Tell what a text says that it is; None for other YAML, which is none of our business."""
    if _IS_TESTS.search(text):
        return CaseFileStatement
    return Mapping if _IS_MAPPING.search(text) else None


@dataclass(frozen=True)
class Document:
    """A mapping, or a file of tests, that is open.

    Parameters
    ----------
    file
        The name that spans give it.
    form
        The class of the statement that it is: `Mapping` or `CaseFileStatement`.
    text
        As it is in the editor, every line break a newline.
    source
        Its tree; of the mended text, where the text is not YAML. None where it cannot be mended.
    examined
        What was made of that tree; for tests, of the mapping that they are of.
    mapping
        Merged with what it extends, as far as there is any.
    problems
        What to show, all of them in this file.
    """

    file: str
    form: type[Node]
    text: str
    source: Source | None = field(repr=False)
    examined: Examined = field(repr=False)
    mapping: Mapping = field(repr=False)
    problems: tuple[Problem, ...]

    @property
    def is_mapping(self) -> bool:
        return self.form is Mapping

    @property
    def base(self) -> Mapping | None:
        """What it stands on, merged: what a mapping extends, the mapping that tests are of."""
        return self.examined.resolved.inherited if self.is_mapping else self.mapping


class Workspace:
    """The texts of an editor, and what was made of them last."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._readings: dict[str, tuple[str, Reading]] = {}
        self._documents: dict[str, Document] = {}
        self._seen: dict[str, frozenset[tuple[str, str]]] = {}

    def put(self, path: Path, text: str) -> None:
        """Take a text that an editor has, which may differ from the file."""
        self._texts[_identity(path)] = _plain(text)

    def drop(self, path: Path) -> None:
        """Take the file's own text again."""
        identity = _identity(path)
        for known in (self._texts, self._documents, self._seen):
            known.pop(identity, None)

    def last(self, path: Path) -> Document | None:
        """Give what was made of a text when it was checked last."""
        return self._documents.get(_identity(path))

    def document(self, path: Path) -> Document:
        """Give what was made of a text; check it if it has changed."""
        identity = _identity(path)
        known = self._documents.get(identity)
        if known is not None and known.text == self._texts.get(identity, known.text):
            return known
        return self.check(path)

    def check(self, path: Path) -> Document:
        """Check a text that is open, with what it stands on as it is now."""
        identity = _identity(path)
        text = self.text(path) or ""  # of a link that was open, too, it may have been dropped
        form = form_of(text) or (CaseFileStatement if path.name.endswith(SUFFIX) else Mapping)
        make = self._mapping if form is Mapping else self._tests
        document = make(path, text)
        mended = mend(text) if document.source is None else None
        if mended is not None:
            whole = make(path, mended.text)
            problems = rank([*document.problems, *self._still(identity, whole.problems, mended)])
            document = replace(whole, text=text, problems=tuple(problems))
        elif document.source is not None:
            seen = ((each.code, each.message) for each in document.problems)
            self._seen[identity] = frozenset(seen)
        self._documents[identity] = document
        return document

    def _mapping(self, path: Path, text: str) -> Document:
        """Make a mapping of a text."""
        file = str(path)
        reading = read_mapping(text, file)

        def read(content: Path | str, name: str) -> Reading:
            if isinstance(content, Path) and _identity(content) == _identity(path):
                return reading
            return self._read(content, name)

        examined = examine(path, read=read)
        mapping = examined.resolved.mapping
        if mapping is None:
            mapping, _ = merge(examined.resolved.inherited, reading.mapping or _NOTHING_YET)
        problems = tuple(rank(_here(each, file, reading.source) for each in examined.problems))
        return Document(file, Mapping, text, reading.source, examined, mapping, problems)

    def _tests(self, path: Path, text: str) -> Document:
        """Make a file of tests of a text."""
        source, problems = read_source(text, str(path))
        examined = examine(
            tested_mapping(path, source) if source is not None else "", read=self._read, environ={}
        )
        mapping = examined.resolved.mapping
        if source is not None:
            cases, found = parse_cases(path, source)
            problems = [*problems, *found]
            if mapping is not None:
                declared = mapping.settings
                problems += (each for case in cases for each in judge_given(case, declared))
        ranked = tuple(rank(problems))
        known = mapping or _NOTHING_YET
        return Document(str(path), CaseFileStatement, text, source, examined, known, ranked)

    def stands_on(self, document: Document, path: Path) -> bool:
        """Whether a document was made of another file, too, or looked for it in vain."""
        read = {_identity(place_of(file.file)) for file in document.examined.resolved.files}
        return _identity(path) in read or document.examined.resolved.mapping is None

    # ------------------------------------------------------------ reading

    def text(self, path: Path) -> str | None:
        """Give a file's text, unsaved changes included; None where there is none."""
        unsaved = self._texts.get(_identity(path))
        if unsaved is not None:
            return unsaved
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
            return _plain(content.decode("utf-8-sig"))
        except (OSError, ValueError):
            return None

    def _read(self, content: Path | str, file: str) -> Reading:
        text = self.text(content) if isinstance(content, Path) else content
        if text is None or len(text) > MAX_BYTES:
            return read_mapping(content, file)
        known = self._readings.get(file)
        if known is None or known[0] != text:
            known = self._readings[file] = (text, read_mapping(text, file))
        return known[1]

    def _still(self, identity: str, problems: Iterable[Problem], mended: Mended) -> list[Problem]:
        """Choose the problems that a mended text has because of what was written.

        A line that was changed may be why another problem is there, unless that was there before.
        """
        seen = self._seen.get(identity, frozenset())
        return [
            problem
            for problem in problems
            if problem.span.line not in mended.lines
            and (_OF_ITS_LINE.match(problem.code) or (problem.code, problem.message) in seen)
        ]


def place_of(file: str) -> Path:
    """Find the file that spans call by this name."""
    shipped = {path.name: path for path in shipped_mappings().values()}
    return shipped.get(file, Path(file))


def _here(problem: Problem, file: str, source: Source | None) -> Problem:
    """Show a problem of an inherited file where this file says that it inherits."""
    if problem.span.file == file:
        return problem
    root = source.root if source is not None else None
    extends = root.get("extends") if isinstance(root, MappingNode) else None
    span = extends.span if extends is not None else Span(file, 1, 1, 1, 1)
    note = Note(problem.message, problem.span)
    message = f"in {Path(problem.span.file).name}, line {problem.span.line}: {problem.message}"
    # As plain texts: a word that is misspelt there cannot be mended here.
    label, hint = str(problem.label), str(problem.hint)
    return Problem(problem.code, span, message, label, hint, (note, *problem.notes))


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _identity(path: Path) -> str:
    try:
        return str(path.resolve())
    except (OSError, ValueError, RuntimeError):
        return str(path)
