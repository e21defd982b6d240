"""The documentation is what it says: its code runs, and its generated pages are current."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import typer
import yaml

from tests.running import Result, run_tiledmap
from tiledmap.cli.app import app
from tiledmap.docgen.assembly import assemble
from tiledmap.docgen.site import build
from tiledmap.problems import CODES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WITH_CODE = [
    *sorted((DOCS / "tutorials").glob("*.md")),
    *sorted((DOCS / "how-to").glob("*.md")),
    ROOT / "README.md",
]
SECTIONS = ["## What", "## Why", "## How to mend it"]


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comment before it says."""

    kind: str
    title: str
    text: str
    remark: str
    line: int


FENCE = re.compile(
    r"(?:^<!-- (?P<remark>[^\n]*?) -->\n)?"
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("kind")) + 1
        yield Block(found["kind"], found["title"] or "", found["text"], found["remark"] or "", line)


def run_block(block: Block, namespace: dict[str, object], where: str) -> None:
    match block.kind:
        case "python":
            if block.title:
                Path(block.title).write_text(block.text, "utf-8")
            exec(compile("\n" * block.line + block.text, where, "exec"), namespace)
        case "yaml":
            Path(block.title).write_text(block.text, "utf-8")
        case "console":
            run_console(block, where)


def run_console(block: Block, where: str) -> None:
    code = 1 if block.remark == "exits with 1" else 0
    for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = session.partition("\n")
        result = run_command(command)
        assert result.returncode == code, f"{where}:{block.line}: {result.stdout}{result.stderr}"
        assert_printed(expected, result.stdout, f"{where}:{block.line}: {command}")


def run_command(command: str) -> Result:
    program, *arguments = shlex.split(command)
    assert program == "tiledmap", command
    return run_tiledmap(*arguments, COLUMNS="100")


def assert_printed(expected: str, printed: str, where: str) -> None:
    """Compare output; a line that is ``…`` stands for any number of lines."""
    lines = [re.escape(line.rstrip()) for line in expected.splitlines()]
    pattern = "\n".join(lines).replace("…\n", "(?:.*\n)*?").replace("…", "(?:.*\n?)*")
    found = "\n".join(line.rstrip() for line in printed.splitlines())
    assert re.fullmatch(pattern, found), f"{where}\nexpected:\n{expected}\nprinted:\n{printed}"


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ophyd", "ignore::DeprecationWarning:bluesky"
)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Simulated devices are as a reader's own, wherever other tests have moved them.
    monkeypatch.delitem(sys.modules, "ophyd.sim", raising=False)
    if page.stem == "validate-in-ci":
        example = ROOT / "mappings" / "bluesky-v3.yaml"
        Path("mappings").mkdir()
        Path("mappings/bluesky-v3.yaml").write_text(example.read_text("utf-8"), "utf-8")
    if page.stem == "from-a-recording-to-a-layout":
        shutil.copy(page.parent / "unknown-beamline.jsonl", tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks(page):
        if not block.remark.startswith("not run: "):
            run_block(block, namespace, page.name)


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_every_block_runs_or_says_why_not(page):
    for block in blocks(page):
        runs = block.kind in ("python", "console", "yaml") and not block.remark.startswith("not")
        assert block.kind == "text" or runs or block.remark.startswith("not run: "), block
        assert block.kind != "yaml" or block.title or block.remark.startswith("not run: "), block


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current(generator):
    stale = [str(page.relative_to(ROOT)) for page in generator.stale()]
    assert not stale, f"run: python docs/generate.py ({', '.join(stale)})"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page_that_explains_it(code):
    text = (DOCS / "reference" / "problems" / f"{code}.md").read_text("utf-8")
    starts = [text.index(section) for section in SECTIONS] + [text.index("## Example")]
    assert starts == sorted(starts)
    for start, end in pairwise(starts):
        body = text[start:end].partition("\n")[2].strip()
        assert body.endswith((".", "`"))


def test_there_is_no_page_without_a_code():
    pages = {page.stem for page in (DOCS / "reference" / "problems").glob("TM*.md")}
    assert pages == set(CODES)


def test_the_pages_make_a_site():
    """Every link of a page leads somewhere; every page is led to; every figure is drawn."""
    site = assemble(pages=DOCS, results=ROOT / "benchmarks" / "results")
    files = build(site)
    markdown = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert {str(path) for path in markdown} <= files.keys()
    asked = re.findall(r"<!-- figure: ([\w-]+) -->", (DOCS / "explanations/speed.md").read_text())
    drawn = re.findall(r'id="([\w-]+)-words"', files["explanations/speed.html"].decode())
    assert drawn == asked


def test_the_readme_leads_to_every_page_and_has_every_verb():
    readme = (ROOT / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(docs/([\w/-]+\.md)\)", readme))
    pages = {
        f"{folder.relative_to(DOCS) / page}".removeprefix("./")
        for folder in (DOCS, DOCS / "reference")
        for section in yaml.safe_load((folder / "contents.yaml").read_text("utf-8"))["sections"]
        for page in section["pages"]
    }
    pages = {f"{page}/index.md" if (DOCS / page).is_dir() else page for page in pages}
    assert linked == pages
    rows = re.findall(r"^\| `tiledmap (\w+)` \|", readme, re.MULTILINE)
    assert sorted(rows) == sorted(typer.main.get_command(app).commands)


def test_the_readme_has_the_one_test_command_that_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    [extraction] = re.findall(r"^command=\$\((sed .* README\.md)\)$", ci, re.MULTILINE)
    found = subprocess.run(
        extraction, shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    )
    [command] = found.stdout.splitlines()
    assert command.endswith(".venv/bin/python -m pytest -n 3")
