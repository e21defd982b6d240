"""Make a test of recorded documents: what they make now is what is expected from now on."""

from collections.abc import Mapping
from os.path import relpath
from pathlib import Path

from tiledmap.language.render import flow
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import MappingError
from tiledmap.testing.cases.read import load_cases, named_mapping, parse_cases
from tiledmap.testing.cases.run import run_case
from tiledmap.testing.cases.write import new_file, new_test, with_test


class TakenNameError(ValueError):
    """A file has a test of this name already."""


def recorded(
    path: Path, mapping: str, recording: Path, settings: Mapping[str, str] | None = None
) -> str:
    """Return the text of a file of tests with one more: what a recording makes.

    Parameters
    ----------
    path
        The file of tests; it need not be there.
    mapping
        What the file calls its mapping, if there is no file.
    settings
        Values of the mapping's settings.

    Raises
    ------
    TakenNameError
        If the file has a test of the recording's name.
    MappingError
        If the file, the mapping or the documents cannot be used; the exception carries all
        problems.
    """
    name = recording.name.partition(".")[0]
    documents = Path(relpath(recording, path.parent)).as_posix()
    given = flow(dict(settings)) if settings else ""
    there = path.exists()
    if there and any(case.name == name for case in load_cases(path)):
        raise TakenNameError(name)
    source = read_source(path)[0] if there else None
    written = named_mapping(source) if source is not None else mapping
    draft, _ = read_source(new_file(written, new_test(name, documents, {}, given)), str(path))
    assert draft is not None, "what was written cannot be read"
    drafted, problems = parse_cases(path, draft)
    if problems:
        raise MappingError(problems)
    outcome = run_case(drafted[0])
    if outcome.found is None:
        raise MappingError(outcome.problems)
    test = new_test(name, documents, outcome.found, given)
    return with_test(source, test) if source is not None else new_file(mapping, test)
