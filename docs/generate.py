"""Write the pages of the documentation, and the schemas, that say what the code says.

``python docs/generate.py`` writes them; ``tests/test_docs.py`` holds them current. In a problem's
page only the heading and the example are written here: what, why and how to mend it are by hand.
"""

import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.models import CommandInfo

from tiledmap.cli.app import app
from tiledmap.docgen.anchors import anchor_of_heading
from tiledmap.docgen.keywords import Keyword, Statement, by_name, statements
from tiledmap.language.functions import FUNCTIONS, Example, Function
from tiledmap.language.json_schema import NAME, mapping_schema
from tiledmap.problems import CODES, Code
from tiledmap.resources import shipped_mappings
from tiledmap.testing.cases.json_schema import NAME as NAME_OF_TESTS
from tiledmap.testing.cases.json_schema import case_file_schema

DOCS = Path(__file__).parent
INVALID = DOCS.parent / "tests" / "mappings" / "invalid"
VALID = INVALID.parent / "valid"
EXAMPLES = [
    shipped_mappings()["bluesky-v3"],
    *shipped_mappings().values(),
    VALID / "everything.yaml",
    VALID / "without-rules.yaml",
]
"""Mappings whose lines show what each keyword is for."""
RESULTS = DOCS.parent / "benchmarks" / "results"
SPEED = DOCS / "explanations" / "speed.md"
MADE = "<!-- made by docs/generate.py -->\n"


def pages() -> dict[Path, str]:
    """Return the text of every generated file."""
    reference = DOCS / "reference"
    problems = reference / "problems"
    schemas = DOCS.parent / "schemas"
    return {
        schemas / f"{NAME}.schema.json": published(mapping_schema()),
        schemas / f"{NAME_OF_TESTS}.schema.json": published(case_file_schema()),
        reference / "cli.md": command_line(),
        reference / "functions.md": functions(),
        reference / "language.md": language(),
        reference / "specs.md": specs(),
        SPEED: speed(),
        problems / "index.md": problem_index(),
        **{
            problems / f"{code.id}.md": problem(code, problems / f"{code.id}.md")
            for code in CODES.values()
        },
    }


def stale() -> list[Path]:
    """Return the files that are not what they should be."""
    return [
        path
        for path, text in pages().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]


def published(schema: Mapping[str, Any]) -> str:
    """Return a schema as editors read it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- the command line


def command_line() -> str:
    """Return the page of the command line."""
    lines = ["# Command line", "", MADE, *_paragraphs(app.registered_callback.callback), ""]
    for name, command in _commands(app):
        lines += _verb(name, command.callback, command.epilog or "")
    return "\n".join(lines).rstrip() + "\n"


def _commands(of: typer.Typer, above: str = "") -> Iterator[tuple[str, CommandInfo]]:
    """Yield the verbs, and those below a verb, each with all its words."""
    for command in of.registered_commands:
        yield f"{above}{command.name}", command
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from _commands(group.typer_instance, f"{above}{group.name} ")


def _verb(name: str, callback: Callable[..., Any] | None, epilog: str) -> Iterator[str]:
    assert callback is not None
    parameters = [
        (parameter, *_annotation(parameter))
        for parameter in inspect.signature(callback, eval_str=True).parameters.values()
    ]
    yield from (f"## tiledmap {name}", "", *_paragraphs(callback), "")
    yield from ("| | |", "| --- | --- |")
    for parameter, kind, info in parameters:
        yield f"| {_words(parameter, kind, info)} | {_meaning(parameter, kind, info)} |"
    yield from ("", "```text", *_examples(epilog), "```", "")


def _annotation(parameter: inspect.Parameter) -> tuple[Any, Any]:
    kind, info = typing.get_args(parameter.annotation)
    return kind, info


def _words(parameter: inspect.Parameter, kind: Any, info: Any) -> str:
    metavar = info.metavar or parameter.name.upper()
    if isinstance(info, typer.models.ArgumentInfo):
        return f"`{metavar}`"
    # In an annotation, typer keeps the first name where the default would be.
    names = ", ".join(f"`{name}`" for name in (info.default, *info.param_decls))
    return names if kind is bool else f"{names} `{_cell(_choices(kind) or metavar)}`"


def _choices(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " ".join(kind)
    return ""


def _meaning(parameter: inspect.Parameter, kind: Any, info: Any) -> str:
    default = parameter.default
    if kind is bool or default in (None, inspect.Parameter.empty):
        return str(info.help)
    return f"{info.help} Default: `{default}`."


def _paragraphs(function: Callable[..., Any] | None) -> list[str]:
    return re.sub(r"\[/?b\]", "`", inspect.getdoc(function) or "").splitlines()


def _examples(epilog: str) -> list[str]:
    _, *lines = epilog.replace(r"\[", "[").split("\n\n")
    return lines


# ---------------------------------------------------------------- functions


def functions() -> str:
    """Return the page of the expression language's functions."""
    lines = [
        "# Functions",
        "",
        MADE,
        "What expressions can call. A facility adds its own under the entry point",
        "`tiledmap.functions`. `field` stands for a path such as `start.scan_id`, which may be",
        "absent.",
        "",
    ]
    for function in FUNCTIONS.values():
        lines += _function(function)
    return "\n".join(lines).rstrip() + "\n"


def _function(function: Function) -> Iterator[str]:
    yield from (f"## {function.name}", "", f"`{function.signature}`", "", function.doc, "")
    if function.examples:
        yield from ("| expression | gives |", "| --- | --- |")
        yield from map(_example, function.examples)
        yield ""


def _example(example: Example) -> str:
    return f"| `{_cell(example.call)}` | `{_cell(repr(example.gives))}` |"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


# ---------------------------------------------------------------- the language


def language() -> str:
    """Return the page of the mapping language: every statement and its keywords."""
    lines = [
        "# Language",
        "",
        MADE,
        "Every keyword of a mapping, in the order in which a mapping says them, each with an",
        "example of a mapping that is tested. Editors read the same as",
        f"`{NAME}.schema.json`: `tiledmap schema -o FILE`. What expressions can call is listed in",
        "[functions](functions.md).",
        "",
    ]
    for statement in statements([path.read_text("utf-8") for path in EXAMPLES]):
        lines += _statement(statement)
    return "\n".join(lines).rstrip() + "\n"


def _statement(statement: Statement) -> Iterator[str]:
    keyword, description = statement.keyword, statement.description
    if keyword is None:
        yield from ("## A mapping", "")
    elif description.startswith(keyword.description.rstrip(".")):
        yield from _keyword(keyword, "##", description, statement.others)
        description = ""
    else:
        yield from _keyword(keyword, "##", keyword.description, statement.others)
    if description:
        yield from (description, "")
    yield from (f"*Keywords:* {', '.join(map(_linked, statement.keywords))}.", "")
    for each in statement.keywords:
        if each.told_at != each.path:
            yield from _keyword(each, "###", each.description)


def _keyword(
    keyword: Keyword, level: str, description: str, others: Sequence[str] = ()
) -> Iterator[str]:
    if not keyword.example:
        sys.exit(f"no mapping has an example of {keyword.path}; see EXAMPLES")
    also = f" So {'does' if len(others) == 1 else 'do'} {_listed(others)}." if others else ""
    must = "; must be given" if keyword.required else ""
    yield from (f"{level} `{keyword.path}`", "", description, "")
    yield from (f"*Holds:* {_holds(keyword.holds, keyword)}{must}.{also}", "")
    for value, meaning in keyword.values.items():
        yield f"- `{value}`: {meaning}"
    if keyword.values:
        yield ""
    yield from ("```yaml", keyword.example.rstrip(), "```", "")


def _linked(keyword: Keyword) -> str:
    return f"[`{keyword.name}`](#{anchor_of_heading(keyword.path)})"


def _listed(places: Sequence[str]) -> str:
    *first, last = (f"`{place}`" for place in places)
    return f"{', '.join(first)} and {last}" if first else last


def _holds(schema: Mapping[str, Any], keyword: Keyword) -> str:
    if "$ref" in schema:
        if keyword.values:
            return "one of these values"
        if keyword.told_at == keyword.path:
            return "the keywords below"
        return f"the keywords of [`{keyword.told_at}`](#{anchor_of_heading(keyword.told_at)})"
    if "const" in schema:
        return f"`{schema['const']}`"
    kinds = schema.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    told = [_kind(kind, schema, keyword) for kind in kinds]
    return (", or " if any("," in each for each in told) else " or ").join(told)


def _kind(kind: str, schema: Mapping[str, Any], keyword: Keyword) -> str:
    if kind == "array" and "items" in schema:
        each = ", each item with" if "$ref" in schema["items"] else " of"
        return f"list{each} {_holds(schema['items'], keyword)}"
    if kind == "object":
        for each in by_name(schema):
            return f"by name: {_holds(each, keyword)}"
        if {"prepend", "append"} <= schema.get("properties", {}).keys():
            return "`prepend` and `append`, lists to put before and after what is inherited"
    return kind


# ---------------------------------------------------------------- specs


def specs() -> str:
    """Return the page of the specs that the shipped mappings know or give."""
    files: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    nodes: dict[str, list[str]] = {}
    for mapping, path in shipped_mappings().items():
        said = yaml.safe_load(path.read_text("utf-8"))
        for rule in (said.get("repair") or {}).get("resources") or ():
            known = rule.get("match", {}).get("spec", [])
            for spec in [known] if isinstance(known, str) else known:
                files.setdefault(spec, []).append((mapping, rule))
        for spec in _specs_of_nodes(said):
            if mapping not in nodes.setdefault(spec, []):
                nodes[spec].append(mapping)
    lines = [
        "# Specs",
        "",
        MADE,
        "What the mappings that come with tiledmap say of specs. One that is not here is for a",
        "mapping of your own to say.",
        "",
        "## Of files",
        "",
        "Old resource documents name what wrote their files by a spec. `repair.resources` turns it",
        "into a mimetype, and into what a [consolidator](consolidators.md) needs to know.",
        "",
        "| spec | stands for | rules in | because |",
        "| --- | --- | --- | --- |",
    ]
    for spec in sorted(files, key=str.lower):
        mimetypes = dict.fromkeys(rule["mimetype"] for _, rule in files[spec] if "mimetype" in rule)
        mappings = dict.fromkeys(mapping for mapping, _ in files[spec])
        reasons = [rule["reason"] for _, rule in files[spec] if "mimetype" in rule]
        because = _cell(next(iter(reasons), files[spec][0][1].get("reason", "")))
        kinds = ", ".join(f"`{mimetype}`" for mimetype in mimetypes)
        lines.append(f"| `{_cell(spec)}` | {kinds} | {', '.join(mappings)} | {because} |")
    lines += [
        "",
        "## Of nodes",
        "",
        "Clients of Tiled choose by a node's specs how to show it.",
        "",
    ]
    lines += ["| spec | given by |", "| --- | --- |"]
    lines += [f"| `{_cell(spec)}` | {', '.join(nodes[spec])} |" for spec in sorted(nodes)]
    return "\n".join(lines) + "\n"


def _specs_of_nodes(said: Any) -> Iterator[str]:
    if isinstance(said, list):
        for item in said:
            yield from _specs_of_nodes(item)
    elif isinstance(said, dict):
        for key, value in said.items():
            if key == "spec" and isinstance(value, str):
                if "${{" not in value:
                    yield value
            elif key not in ("match", "repair"):
                yield from _specs_of_nodes(value)


# ---------------------------------------------------------------- problems

_GROUPS = {
    "0": "The file, its YAML, its shape",
    "1": "Expressions",
    "2": "Sound: what is named exists and fits",
    "3": "Total and unambiguous: everything goes somewhere, once",
    "4": "Storable: Tiled and the databases take it",
    "5": "Readable: clients of bluesky-tiled-plugins can read it",
    "6": "A mapping's own tests",
}


def problem_index() -> str:
    """Return the list of all problems."""
    lines = ["# Problems", "", MADE]
    lines += [
        "Everything that `tiledmap validate` and `tiledmap test` can say. A code never changes its",
        "meaning.",
        "",
    ]
    for digit, title in _GROUPS.items():
        lines += [f"## {title}", "", "| code | | |", "| --- | --- | --- |"]
        lines += [
            f"| [{code.id}]({code.id}.md) | {code.title} | {code.severity} |"
            for code in CODES.values()
            if code.id[2] == digit
        ]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


_HEADING = re.compile(r"\A# .*?(?=^## What$)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^## Example$.*\Z", re.MULTILINE | re.DOTALL)


def problem(code: Code, path: Path) -> str:
    """Return a problem's page: the text that is there, with its heading and example made new."""
    if not path.is_file():
        sys.exit(f"{path} is missing: write '## What', '## Why' and '## How to mend it'")
    by_hand = _EXAMPLE.sub("", _HEADING.sub("", path.read_text("utf-8"))).strip()
    parts = [f"# {code.id}: {code.title}", f"*{code.severity.capitalize()}*", by_hand]
    return "\n\n".join([*parts, *_example_of(code)]) + "\n"


_KINDS = {".yaml": "yaml", ".json": "json", ".txt": "text"}
_MOST_LINES = 60
_LONGEST_LINE = 200


def _example_of(code: Code) -> Iterator[str]:
    """Yield the invalid mapping of the tests, and what is said of it."""
    files = [path for path in (INVALID / code.id).glob("*") if path.suffix in _KINDS]
    if files:
        yield "## Example"
    for path in sorted(files, key=lambda path: (list(_KINDS).index(path.suffix), path.name)):
        kind = _KINDS[path.suffix]
        title = "" if kind == "text" else f' title="{path.name}"'
        yield f"```{kind}{title}\n{_shown(path)}\n```"


def _shown(path: Path) -> str:
    """Return a file's text; of what is too long on purpose, the beginning."""
    lines = path.read_text("utf-8", errors="replace").rstrip().splitlines()
    cut = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines]
    return "\n".join([*cut[:_MOST_LINES], *(["…"] if len(cut) > _MOST_LINES else [])])


# ---------------------------------------------------------------- what was measured

_MEASURED = re.compile(
    r"(?P<mark><!-- measured: (?P<what>\w+) -->\n).*?(?=<!-- until here -->)", re.DOTALL
)
_TARGETS = {"in-process": "in-process", "served": "served", "postgresql": "PostgreSQL"}
_TARGET_OF = {"held": "served", "shell": "in-process"}
"""Of works that are measured once."""


def speed() -> str:
    """Return the page on speed: the text that is there, with the tables of figures made new."""
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    reports = [report for report in reports if "work" in report]
    tables = {"aims": _aims, "bulk": _bulk}

    def measured(found: re.Match[str]) -> str:
        table = "\n".join(tables[found["what"]](reports))
        return f"{found['mark']}\n{table}\n\n"

    return _MEASURED.sub(measured, SPEED.read_text("utf-8"))


def _aims(reports: list[dict[str, Any]]) -> list[str]:
    aims: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for report in reports:
        for verdict in report.get("aims", ()):
            target = report["target"] or _TARGET_OF[report["work"]]
            aims.setdefault((report["work"], verdict["words"]), {})[target] = verdict
    lines = [
        f"| work | aim | | {' | '.join(_TARGETS.values())} |",
        f"| --- | --- | --- |{' --- |' * len(_TARGETS)}",
    ]
    for (work, words), verdicts in aims.items():
        cells = [_verdict(verdicts.get(target)) for target in _TARGETS]
        one = next(iter(verdicts.values()))
        bound = f"{'≥' if one['at_least'] else '≤'} {one['limit']:.3g}"
        lines.append(f"| {work} | {words} | {bound} | {' | '.join(cells)} |")
    return lines


def _bulk(reports: list[dict[str, Any]]) -> list[str]:
    """What a request that makes many nodes takes, of what requests for one node each take."""
    lines = [
        "| Tiled | what is sent | requests | CPU in all | time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for report in reports:
        if report["work"] == "bulk":
            for writer, ratios in report["ratios"].items():
                [requests, *_] = report["results"][writer]["figures"]["requests"]["values"]
                of_floor = ratios["the floor"]
                shown = f"{of_floor['process_us']:.2f}" if report["target"] == "in-process" else ""
                lines.append(
                    f"| {_TARGETS[report['target']]} | {writer.removeprefix('the floor, ')} "
                    f"| {requests:g} | {shown} | {of_floor['landed_us']:.2f} |"
                )
    return lines


def _verdict(verdict: dict[str, Any] | None) -> str:
    if verdict is None:
        return ""
    measured = f"{verdict['measured']:.3g}"
    return measured if verdict["met"] else f"**{measured}**"


if __name__ == "__main__":
    for page in stale():
        page.write_text(pages()[page], "utf-8")
        print(f"wrote {page.relative_to(DOCS.parent)}")
