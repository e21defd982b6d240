"""What a notebook shows: whole by itself, folded, and names in it are nothing but text."""

import re
from pathlib import Path

import pytest

import tiledmap
from tests.cli.conftest import documents
from tests.display.reading_html import Element, read
from tiledmap.display.branch import Branch, Fact, Section
from tiledmap.display.html import problems_as_html, trees_as_html
from tiledmap.problems import Note, Problem, Span

HOSTILE = "</details><script>alert('1')</script>&amp;\x1b[2J\u202e\"x"
SHOWN = "</details><script>alert('1')</script>&amp;�[2J�\"x"


BROKEN = """\
tiledmap: 1
name: smi
version: 1.0.0
extends: bluesky-v3@^3
run:
  parnt: [smi]
"""


def everything_hostile() -> list[str]:
    branch = Branch(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        HOSTILE,
        [Fact(HOSTILE, (HOSTILE, HOSTILE)), Fact(HOSTILE, (HOSTILE,), apart=True)],
        [Branch(HOSTILE)],
    )
    span = Span(HOSTILE, 1, 3, 1, 9)
    problem = Problem(
        "TM005", span, HOSTILE, HOSTILE, f"{HOSTILE}\n{HOSTILE}", (Note(HOSTILE, span),)
    )
    return [
        trees_as_html(
            HOSTILE, [Section(HOSTILE, [branch], False)], lead=HOSTILE, heading=branch.facts
        ),
        problems_as_html([problem], {HOSTILE: HOSTILE}),
    ]


@pytest.mark.parametrize("html", everything_hostile(), ids=["trees", "problems"])
def test_names_are_text_and_nothing_else(html):
    page = read(html)
    assert {each.tag for each in page.all()} <= {
        *("div", "style", "details", "summary", "span", "dl", "dt", "dd", "pre", "mark")
    }
    assert not [name for each in page.all() for name in each.attributes if name.startswith("on")]
    assert page.text.count(SHOWN) >= 6
    assert not set("\x1b\u202e") & set(page.text)


@pytest.mark.parametrize("html", everything_hostile(), ids=["trees", "problems"])
def test_nothing_is_fetched_and_no_other_style_touched(html):
    page = read(html)
    assert not [each for each in page.all() if {"src", "href"} & each.attributes.keys()]
    [style] = page.all("style")
    css = "".join(each for each in style.content if isinstance(each, str))
    assert "url(" not in css
    assert "@import" not in css
    selectors = re.findall(r"^([^\s{].*?) \{", css, re.MULTILINE)
    assert selectors
    assert all(selector.startswith(".tiledmap") for selector in selectors)


def keys_of(details: Element) -> list[str]:
    return [each.text for each in details.all(class_="tm-key")]


def test_a_mapping_is_shown_as_a_tree_that_unfolds():
    page = read(tiledmap.load("smi")._repr_html_())
    sections = {
        each.all("summary")[0].text.split()[0]: each for each in page.all(class_="tm-section")
    }
    assert "open" not in sections["repairs"].attributes
    assert "repair.roots.old-mount" in keys_of(sections["repairs"])
    assert "open" in sections["tree"].attributes
    assert keys_of(sections["tree"])[0] == "${{ start.uid }}"
    assert keys_of(sections["tree"])[-1] == "internal"
    assert "SMI" in page.all(class_="tm-title")[0].text
    assert "bluesky-v3.yaml:159" in [each.text for each in page.all(class_="tm-place")]


def test_what_a_mapping_warns_of_is_shown_below_it(tmp_path):
    (tmp_path / "warned.yaml").write_text(
        BROKEN.replace("parnt: [smi]", "key: run_${{ start.uid }}")
    )
    page = read(tiledmap.load(tmp_path / "warned.yaml")._repr_html_())
    assert [each.text for each in page.all("mark")] == ["run_${{ start.uid }}"]


def test_a_plan_is_shown_with_every_step():
    plan = tiledmap.load("bluesky-v3").plan
    page = read(plan._repr_html_())
    words = {*keys_of(page), *(each.text.strip() for each in page.all("summary"))}
    lines = tiledmap.load("bluesky-v3").show().splitlines()
    steps = [re.split(r"  +\S+:\d+$", line)[0].strip() for line in lines[5:]]
    assert {step for step in steps if step} <= words


def test_a_preview_is_shown_with_what_is_in_it():
    preview = tiledmap.load("bluesky-v3").preview(documents("run-1"))
    page = read(preview._repr_html_())
    assert keys_of(page) == ["run-1", "primary", "internal", "image"]
    assert "table, 3 rows" in page.text
    assert "start.plan_name = 'scan'" in page.text
    assert "shape = [4, 6]" in page.text
    assert repr(preview) == "<preview of bluesky-v3 3.1.0, 4 nodes>"


@pytest.mark.parametrize(("lines", "folded"), [(8, 0), (9, 1)])
def test_many_lines_are_folded(lines, folded):
    fact = Fact("metadata", tuple(map(str, range(lines))), apart=True)
    page = read(trees_as_html("smi", [], heading=[fact]))
    assert len(page.all("details")) == folded
    assert len(page.all("dd")[0].all("div")) == lines


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return path


def test_problems_are_shown_at_their_source(broken):
    problems = tiledmap.validate(broken)
    broken.unlink()  # what was read is what is shown
    page = read(problems._repr_html_())
    [shown] = page.all(class_="tm-problem")
    assert "tm-error" in shown.classes
    assert shown.all("mark")[0].text == "parnt"
    assert shown.all("pre")[0].text == "6  parnt: [smi]"
    assert "did you mean 'parent'?" in shown.text
    assert page.all(class_="tm-title")[0].text == "1 error"


def test_a_list_of_problems_is_a_list(broken):
    assert tiledmap.validate("bluesky-v3") == []
    assert not tiledmap.validate("bluesky-v3")
    [problem] = tiledmap.validate(broken)
    assert tiledmap.validate(broken) == [problem]
    assert read(tiledmap.validate("bluesky-v3")._repr_html_()).text.strip() == "no problems"


def test_a_place_at_the_end_of_a_line_can_be_seen():
    problem = Problem("TM005", Span("m.yaml", 1, 6, 1, 6), "something is missing")
    page = read(problems_as_html([problem], {"m.yaml": "name:\n"}))
    assert page.all("mark")[0].text == " "


def test_an_error_of_a_mapping_shows_its_problems_instead_of_a_traceback(broken):
    with pytest.raises(tiledmap.MappingError) as raised:
        tiledmap.load(broken)
    text = "\n".join(raised.value._render_traceback_())
    assert "the key 'parnt' is not known here" in text
    assert "^^^^^" in text
