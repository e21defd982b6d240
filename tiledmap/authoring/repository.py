"""A repository for a beamline's mappings: its files, as texts."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

_TEMPLATES = files("tiledmap.authoring") / "templates"
_FILES = {
    "README.md": "README.md.jinja",
    "requirements.txt": "requirements.txt.jinja",
    ".gitignore": "gitignore.jinja",
    ".pre-commit-config.yaml": "pre-commit-config.yaml.jinja",
    ".github/workflows/mappings.yml": "workflow.yml.jinja",
}


def mapping_path(name: str) -> str:
    """Where a repository has its mapping."""
    return f"mappings/{name}.yaml"


def writer_path(name: str) -> str:
    """Where a repository has the writer that is made of its mapping."""
    return f"writers/{_module(name)}.py"


def repository(name: str, version: str) -> Mapping[str, str]:
    """The files of a repository that do not depend on what its mapping says, by path.

    Parameters
    ----------
    name
        The mapping's name.
    version
        That of tiledmap.
    """
    said = {"name": name, "module": _module(name), "requirement": f"tiledmap~={version}"}
    return {path: _template(file).render(said) for path, file in _FILES.items()}


def example_recording() -> str:
    """A small run, for a repository that is made before there is any recording."""
    return (_TEMPLATES / "example.jsonl").read_text("utf-8")


def _module(name: str) -> str:
    return f"{re.sub('[^a-z0-9_]', '_', name.lower())}_writer"


@cache
def _environment() -> Environment:
    # Double braces are GitHub's.
    return Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )


def _template(file: str) -> Template:
    return _environment().from_string((_TEMPLATES / file).read_text("utf-8"))
