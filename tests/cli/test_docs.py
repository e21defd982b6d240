"""``tiledmap docs``: sites of a beamline's own mappings."""

import json
import re
import socket
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.running import run_tiledmap

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "tests" / "runs" / "beamlines"

WAIT = 120
"""Seconds until a site that is served tells of nothing: a busy computer is no fault."""

MAPPING = """\
tiledmap: 1
name: mine
version: 1.0.0
title: {title}
extends: bluesky-v3@^3
run:
  parent: [raw]
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with a mapping."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(MAPPING.format(title="Data of mine"), "utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_site_has_mappings_fields_reference_and_pages_of_ones_own(here):
    (here / "pages").mkdir()
    (here / "pages" / "index.md").write_text("# At mine\n\n[It](mappings/mine/index.html)\n")
    (here / "pages" / "beam.md").write_text("# Beam\n")
    result = run_tiledmap("docs", "build", "mine.yaml", "--pages", "pages")
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"\d+ pages: site/index.html\n", result.stdout)
    site = contents(here / "site")
    assert {
        "index.html",
        "beam.html",
        "mappings/mine/index.html",
        "fields/descriptor.html",
        "reference/language.html",
        "reference/problems/TM201.html",
        "assets/vendor/minisearch.LICENSE.txt",
        "search.js",
    } <= site.keys()
    assert b"<title>At mine</title>" in site["index.html"]


def test_two_builds_are_the_same_to_the_byte(here, monkeypatch):
    assert run_tiledmap("docs", "build", "mine.yaml").returncode == 0
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.yaml").write_bytes(Path("mine.yaml").read_bytes())
    monkeypatch.chdir(elsewhere)
    assert run_tiledmap("docs", "build", "mine.yaml", "-o", "out").returncode == 0
    assert contents(elsewhere / "out") == contents(here / "site")


def test_with_an_error_the_site_that_is_there_stays(here):
    assert run_tiledmap("docs", "build", "mine.yaml").returncode == 0
    before = contents(here / "site")
    Path("mine.yaml").write_text(MAPPING.format(title="x").replace("[raw]", "${{ x }}"), "utf-8")
    result = run_tiledmap("docs", "build", "mine.yaml")
    assert result.returncode == 1
    assert "mine.yaml:7:" in result.stderr
    assert "error TM" in result.stderr
    assert contents(here / "site") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is nothing to show"),
        (["gone"], "gone"),
        (["mine.yaml", "--pages", "gone"], "there is no directory 'gone'"),
        (["mine.yaml", "--documents", "run.jsonl"], "--documents takes NAME=FILE"),
        (["mine.yaml", "--documents", "mine=gone.jsonl"], "there is no file 'gone.jsonl'"),
        (["mine.yaml", "smi", "--set", "a=b"], "--set and --overlay are for a site on one mapping"),
        (["mine.yaml", "-o", "."], "'.' holds something else than a site"),
        (["mine.yaml", "-o", "mine.yaml/site"], "'mine.yaml/site' cannot be written: "),
    ],
)
def test_wrong_use_is_told(here, arguments, said):
    result = run_tiledmap("docs", "build", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert not (here / "site").exists()


def test_documents_of_a_mapping_that_is_not_there_are_a_mistake(here):
    result = run_tiledmap("docs", "build", "mine.yaml", "--documents", f"my={RUNS / 'smi.jsonl'}")
    assert result.returncode == 2
    assert "no mapping is named 'my'\n  named are: mine" in result.stderr


def test_a_broken_link_is_told(here):
    (here / "pages").mkdir()
    (here / "pages" / "index.md").write_text("# Mine\n\n[gone](gone.md)\n")
    result = run_tiledmap("docs", "build", "--pages", "pages")
    assert result.returncode == 1
    assert "index.html: links to gone.html, which is not there" in result.stderr


def test_a_site_shows_the_mapping_with_its_settings_and_what_lies_over_it(here):
    over = MAPPING.format(title="Over it").replace("extends: bluesky-v3@^3\n", "")
    Path("over.yaml").write_text(over.replace("[raw]", "[laid-over]"), "utf-8")
    arguments = ("--set", "data_root=/mnt/here", "--overlay", "over.yaml")
    result = run_tiledmap("docs", "build", "smi", *arguments)
    assert result.returncode == 0, result.stderr
    site = contents(here / "site")
    assert b"/mnt/here" in site["mappings/mine/repairs.html"]
    assert b"laid-over" in site["mappings/mine/nodes/run.html"]


def test_a_page_that_is_no_text_is_told(here):
    (here / "pages").mkdir()
    (here / "pages" / "index.md").write_bytes(b"# Mine \xff\n")
    result = run_tiledmap("docs", "build", "--pages", "pages")
    assert result.returncode == 1
    assert "pages/index.md: not UTF-8: byte 7" in result.stderr


def test_what_an_example_run_lacks_is_noted_in_a_line(here):
    recorded = ROOT / "docs" / "tutorials" / "unknown-beamline.jsonl"
    result = run_tiledmap("docs", "build", "mine.yaml", "--documents", f"mine={recorded}")
    assert result.returncode == 0
    assert result.stderr.startswith("note: the example run of mine: run ")
    assert result.stderr.endswith("more; `tiledmap preview` tells all)\n")
    assert result.stderr.count("\n") == 1


def test_a_terminal_does_not_obey_what_an_example_run_says(here):
    lines = (RUNS / "smi.jsonl").read_text("utf-8").splitlines()
    start = json.loads(lines[0])
    start[1]["un.named\x1b[31m"] = 1
    Path("run.jsonl").write_text("\n".join([json.dumps(start), *lines[1:]]), "utf-8")
    result = run_tiledmap("docs", "build", "mine.yaml", "--documents", "mine=run.jsonl")
    assert "un.named" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_port_that_is_none_is_wrong_use(here):
    result = run_tiledmap("docs", "serve", "mine.yaml", "--port", "70000")
    assert result.returncode == 2
    assert "65535" in result.stderr


def test_a_port_that_is_taken_is_told(here):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_tiledmap("docs", "serve", "mine.yaml", "--port", port)
    assert result.returncode == 2
    assert f"cannot listen at 127.0.0.1:{port}: " in result.stderr


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        assert tag not in ("iframe", "object", "embed", "base", "img")


def test_nothing_in_a_mapping_becomes_a_script(here):
    hostile = "</title></script><script>steal()</script><img src=x onerror=steal()>"
    Path("mine.yaml").write_text(
        MAPPING.format(title=f"'{hostile}'")
        + f"""\
description: '{hostile} [x](javascript:steal())'
settings:
  extra: {{type: string, default: '"><script>steal()</script>', help: '{hostile}'}}
source:
  start:
    properties:
      '<script>steal()</script>': {{type: string, description: '{hostile}'}}
repair:
  start:
    - name: hostile
      set: {{note: '{hostile}'}}
      reason: '{hostile}'
streams:
  - name: hostile
    match: {{name: '"><script>steal()</script>'}}
    drop: '{hostile}'
""",
        "utf-8",
    )
    result = run_tiledmap("docs", "build", "mine.yaml", "--title", hostile)
    assert result.returncode == 0, result.stderr
    site = contents(here / "site")
    for path, content in site.items():
        if path.endswith(".html"):
            elements = Elements(content)
            assert elements.handlers == [], path
            assert all(src and "assets/" in src for src in elements.scripts), path
            assert b'href="javascript' not in content, path
    assert b"steal()" in site["mappings/mine/index.html"]


def test_served_pages_follow_what_is_written(here):
    command = [sys.executable, "-m", "tiledmap", "docs", "serve", "mine.yaml", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as served:
        try:
            assert served.stdout is not None
            address = served.stdout.readline().split()[0]
            page = f"{address}mappings/mine/index.html"
            with urlopen(f"{address}-/changes", timeout=WAIT) as changes:
                assert changes.readline() == b": open\n"
                with urlopen(page, timeout=WAIT) as response:
                    before = response.read().decode()
                assert "Data of mine" in before
                assert "EventSource" in before
                Path("mine.yaml").write_text(MAPPING.format(title="Other words"), "utf-8")
                while changes.readline() != b"data: changed\n":
                    pass
            with urlopen(page, timeout=WAIT) as response:
                assert "Other words" in response.read().decode()
        finally:
            served.terminate()


def test_serving_without_its_packages_says_which_extra_brings_them(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "tiledmap.docgen.serving", None)
    result = run_tiledmap("docs", "serve", "mine.yaml")
    assert result.returncode == 2
    assert "pip install 'tiledmap[docs]'" in result.stderr
