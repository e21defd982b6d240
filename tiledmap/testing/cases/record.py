"""Make a test of recorded documents: what they make now is what is expected from now on."""

from collections.abc import Mapping
from os.path import relpath
from pathlib import Path

from tiledmap.language.render import flow
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import MappingError
from tiledmap.testing.cases.read import load_cases, parse_cases
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
        What the file calls its mapping, if it is not there.
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
    cases = load_cases(path) if path.exists() else []
    if any(case.name == name for case in cases):
        raise TakenNameError(name)
    written = cases[0].written_mapping if cases else mapping
    draft, _ = read_source(new_file(written, new_test(name, documents, {}, given)), str(path))
    assert draft is not None, "what was written cannot be read"
    drafted, problems = parse_cases(path, draft)
    if problems:
        raise MappingError(problems)
    outcome = run_case(drafted[0])
    if outcome.found is None:
        raise MappingError(outcome.problems)
    test = new_test(name, documents, outcome.found, given)
    return with_test(cases[0].source, test) if cases else new_file(mapping, test)
