"""``tiledmap init``: a first mapping from recorded documents, or a repository for mappings."""

import re
from collections.abc import Mapping, Sequence
from os.path import relpath
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Annotated

import typer

from tiledmap.cli.files import STDOUT, write_text
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import find_files
from tiledmap.cli.recordings import is_named_as_one

if TYPE_CHECKING:
    from tiledmap.authoring.drafting import Drafted

_NAMED_AFTER = "my-beamline"


def init(
    documents: Annotated[
        list[Path] | None,
        typer.Option(
            "--documents",
            metavar="FILE",
            help="Recorded documents: JSON lines, JSON sequence or msgpack, also gzipped. "
            "More files may follow, or the option be repeated.",
        ),
    ] = None,
    more: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="More recordings; with --ci alone, the directory."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to write the mapping, my-beamline.yaml if not given; - prints it. "
            "With --ci, the directory.",
        ),
    ] = None,
    extends: Annotated[
        str | None,
        typer.Option(
            "--extends",
            metavar="MAPPING",
            help="What it extends: a file or a shipped mapping. Chosen by what was seen if not "
            "given.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The mapping's name; that of the file if not given."),
    ] = None,
    ci: Annotated[
        bool,
        typer.Option("--ci", help="Make a repository for mappings, with its checks on GitHub."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
) -> None:
    """Write a first mapping for recorded documents: what they need, and questions.

    What documents plainly need is written as rules; what only people know as questions, with the
    answers commented out. The mapping is valid as it is. Files that are at hand are looked into
    where documents do not say which dataset they mean.

    Exits with 1 where a recording could not be read to its end; what could be read is used.
    """
    if ci:
        _make_repository(documents or [], more or [], output, extends, name, force)
    elif not documents:
        raise Mistake(
            "there is nothing to make a mapping of",
            "tiledmap init --documents run.jsonl -o my-beamline.yaml\n"
            "tiledmap init --ci my-mappings     # a repository for mappings",
        )
    else:
        _make_mapping([*documents, *(more or ())], output, extends, name, force)


def _make_mapping(
    documents: Sequence[Path],
    output: Path | None,
    extends: str | None,
    name: str | None,
    force: bool,
) -> None:
    printed = output == STDOUT
    named = Path(f"{_mapping_name(name) if name else _NAMED_AFTER}.yaml")
    path = named if printed or output is None else output
    if not printed:
        if path.suffix not in (".yaml", ".yml"):
            raise Mistake(f"'{path}' is no name of a mapping", "a mapping is a .yaml file")
        _refuse_to_overwrite([path], force)
    files = find_files(documents)
    drafted = _draft(files, path, extends, name)
    if printed:
        typer.echo(drafted.text, nl=False)
    else:
        write_text(path, drafted.text)
        typer.echo(_said(drafted, path, files))
    _end(drafted, files)


def _draft(files: Sequence[Path], path: Path, extends: str | None, name: str | None) -> "Drafted":
    from tiledmap.authoring.drafting import draft_mapping
    from tiledmap.documents.recordings import read_documents

    drafted = draft_mapping(
        ((file.name, read_documents(file)) for file in files),
        path,
        _mapping_name(name or path.stem),
        _reference(extends, path),
    )
    if not drafted.survey.runs:
        faults = _faults(drafted, files) or [
            "there is no run in these documents: none of them is a start"
        ]
        raise Mistake("; ".join(faults), exit_code=PROBLEMS_FOUND)
    return drafted


def _faults(drafted: "Drafted", files: Sequence[Path]) -> list[str]:
    """Why recordings could not be read to their ends."""
    pairs = zip(files, drafted.survey.recordings, strict=True)
    return [f"{file}: {recording.broken}" for file, recording in pairs if recording.broken]


def _end(drafted: "Drafted", files: Sequence[Path]) -> None:
    faults = _faults(drafted, files)
    for fault in faults:
        typer.echo(f"tiledmap: {fault}", err=True)
    if faults:
        raise typer.Exit(PROBLEMS_FOUND)


def _make_repository(
    documents: Sequence[Path],
    more: Sequence[Path],
    output: Path | None,
    extends: str | None,
    name: str | None,
    force: bool,
) -> None:
    """Make the files of a repository, with a mapping of the documents or of an example."""
    import tiledmap
    from tiledmap.authoring.repository import mapping_path, repository, writer_path
    from tiledmap.testing.cases.record import recorded

    home, given = _home_and_recordings(documents, more, output)
    name = _mapping_name(name or home.resolve().name)
    mapping, module = home / mapping_path(name), home / writer_path(name)
    tests = mapping.with_suffix(".test.yaml")
    texts = {home / path: text for path, text in repository(name, tiledmap.__version__).items()}
    recordings = {home / "recordings" / file.name: file for file in given}
    example = home / "recordings" / "example.jsonl"
    made = [*texts, *(recordings or [example]), mapping, tests, module]
    _refuse_to_overwrite(made, force)
    for path in made:
        _make_directory(path.parent)
    drafted = _put_recordings(recordings, example, mapping, extends, name)
    texts[mapping] = drafted.text
    for path, text in texts.items():
        write_text(path, text)
    write_text(module, tiledmap.load(mapping).compile())
    tests.unlink(missing_ok=True)
    for recording in recordings or [example]:
        write_text(tests, recorded(tests, f"./{mapping.name}", recording))
    typer.echo("\n".join(f"wrote {path}" for path in sorted(made)))
    typer.echo(f"\n{_said(drafted, mapping, list(recordings) or [example])}")
    _end(drafted, list(recordings) or [example])


def _home_and_recordings(
    documents: Sequence[Path], more: Sequence[Path], output: Path | None
) -> tuple[Path, list[Path]]:
    """The repository's directory, which is the first argument if it is no recording."""
    home, files = output, list(more)
    if more and not (documents and (more[0].is_file() or is_named_as_one(more[0]))):
        if home is not None:
            raise Mistake("the repository's directory is named twice", "init --ci DIR, or -o DIR")
        home = files.pop(0)
    if files and not documents:
        raise Mistake("--ci takes one directory", "recordings follow --documents")
    return home or Path(), find_files([*documents, *files])


def _put_recordings(
    recordings: Mapping[Path, Path],
    example: Path,
    mapping: Path,
    extends: str | None,
    name: str,
) -> "Drafted":
    """Draft a mapping of recordings, and put them into the repository once it could be."""
    from tiledmap.authoring.repository import example_recording

    if not recordings:
        write_text(example, example_recording())
        return _draft([example], mapping, extends, name)
    drafted = _draft(list(recordings.values()), mapping, extends, name)
    for path, file in recordings.items():
        if path.resolve() != file.resolve():
            copyfile(file, path)
    return drafted


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"'{path}' cannot be made: {error.strerror}") from error


def _reference(extends: str | None, path: Path) -> str | None:
    """What to extend, as a mapping at `path` names it."""
    from tiledmap.authoring.choosing import current
    from tiledmap.resources import shipped_mappings

    if extends is None:
        return None
    if extends in shipped_mappings():
        return current(extends)
    if extends.endswith((".yaml", ".yml")) and ":" not in extends:
        there = relpath(extends, path.parent)
        return there if there.startswith(".") else f"./{there}"
    return extends


def _mapping_name(name: str) -> str:
    """A mapping's name, made of a file's."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    if not safe or not safe[0].isalpha():
        safe = f"mapping-{safe}".rstrip("-")
    return safe[:64]


def _refuse_to_overwrite(paths: Sequence[Path], force: bool) -> None:
    for path in paths:
        if path.is_dir():
            raise Mistake(f"'{path}' is a directory, not a file")
        if path.is_file() and not force:
            raise Mistake(f"'{path}' exists", "--force writes over it; -o writes another file")


def _said(drafted: "Drafted", path: Path, documents: Sequence[Path]) -> str:
    from tiledmap.authoring.words import counted

    said = [each for each in drafted.draft.statements if not each.is_question]
    declared = sum(each.place[0] == "source" for each in said)
    questions = len(drafted.draft.questions)
    files = " ".join(str(file) for file in documents)
    lines = [
        f"{path}: {counted(drafted.survey.runs, 'run')} seen, "
        f"{counted(declared, 'field')} declared, "
        f"{counted(len(said) - declared, 'repair')} made, "
        f"{counted(questions, 'question')} to answer",
        *(f"  ? {each.about[0]}" for each in drafted.draft.questions if each.urgent),
        "",
        "See what it makes of the documents:",
        f"  tiledmap preview {path} --documents {files}",
    ]
    return "\n".join(lines)
