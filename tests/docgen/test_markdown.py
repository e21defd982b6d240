import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from tiledmap.docgen.highlighting import highlight
from tiledmap.docgen.markdown import block_markdown, inline_markdown, render_markdown


def test_headings_are_named_as_code_hosting_sites_do():
    page = render_markdown("# A page\n\nLead.\n\n## What's `that`?\n\n## Again\n\n## Again\n")
    assert (page.title, page.lead) == ("A page", "Lead.")
    assert [each.heading.anchor for each in page.passages] == ["whats-that", "again", "again-1"]


def test_a_heading_that_is_a_name_keeps_it_as_its_anchor_too():
    page = render_markdown("# Language\n\n[Data](#streamsdata)\n\n### `streams.data.*`\n")
    [passage] = page.passages
    assert (passage.heading.anchor, passage.is_name) == ("streams.data.any", True)
    assert '<h3 id="streams.data.any"><span id="streamsdata"></span>' in page.body
    assert '<a href="#streams.data.any">Data</a>' in page.body


def test_a_row_that_begins_with_a_name_can_be_linked():
    page = render_markdown("# T\n\n| a | b |\n| --- | --- |\n| `hdf5` | files |\n| words | x |\n")
    [row] = page.passages
    assert (row.heading.anchor, row.text, row.row_of) == ("hdf5", "files", "T")
    assert page.body.count("<tr id=") == 1


def test_remarks_are_hidden_and_html_is_text():
    page = render_markdown(
        "# T\n\n<!-- not run: no -->\n\n<script>x</script>\n\na <b>c</b> <!-- d -->\n"
    )
    assert "not run" not in page.body
    assert "<!--" not in page.body
    assert "<script" not in page.body
    assert "&lt;script&gt;x&lt;/script&gt;" in page.body
    assert "a &lt;b&gt;c&lt;/b&gt;" in page.body


def test_links_lead_where_the_site_has_them_or_are_text():
    targets = {"x.md#a": "x.html#a", "https://tiled.example": "https://tiled.example"}
    page = render_markdown(
        "# T\n\n[one](x.md#a), [two](gone.md) and [three](https://tiled.example)\n", targets.get
    )
    assert '<a href="x.html#a">one</a>, two and <a href="https://tiled.example">' in page.body


def test_scripts_in_links_are_no_links():
    page = render_markdown("# T\n\n[x](javascript:alert(1)) ![y](javascript:alert(1))\n")
    assert "href" not in page.body
    assert "<img" not in page.body


def test_a_block_of_code_says_which_file_it_is():
    page = render_markdown('# T\n\n```yaml title="a<b>.yaml"\nkey: "<i>"\n```\n')
    assert "<figcaption>a&lt;b&gt;.yaml</figcaption>" in page.body
    assert '<span class="t">key</span>: ' in page.body
    assert "<i>" not in page.body


def test_a_figure_is_drawn_with_the_words_that_follow():
    def draw(words: str) -> Markup:
        return Markup("<svg><desc>{}</desc></svg>").format(words)

    text = "# T\n\n<!-- figure: dots -->\nDots & *more*.\n\n<!-- figure: unknown -->\nNothing.\n"
    page = render_markdown(text, figures={"dots": draw})
    assert "<svg><desc>Dots &amp; more.</desc></svg>" in page.body
    assert page.body.count("<svg>") == 1
    assert "Nothing." in page.body


def test_a_line_has_no_links():
    assert inline_markdown("`a` [b](c) ![p](q) <d>") == "<code>a</code> b p &lt;d&gt;"


def test_a_description_has_paragraphs_and_lists_but_no_headings():
    shown = block_markdown("One\ntwo.\n\n- `a`\n- [b](c)\n\n# <d>\n\ne\n===\n")
    assert "<p>One\ntwo.</p>" in shown
    assert "<li><code>a</code></li>\n<li>b</li>" in shown
    assert "<p># &lt;d&gt;</p>" in shown
    assert "<h" not in shown


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ufeff")))
def test_colours_change_no_character(text):
    for language in ("yaml", "python", "console", "unknown"):
        shown = unescape(re.sub(r"<[^<>]+>", "", highlight(text, language)))
        assert shown == text.rstrip("\n")


def test_lines_have_numbers_and_anchors():
    shown = highlight("a: 1\nb: |\n  two\n  lines\n", "yaml", first_line=9)
    assert shown.count('<span class="line" id="L') == 4
    assert 'id="L12"' in shown
    assert re.sub("<[^<>]+>", "", shown).splitlines()[3] == "12  lines"


def test_long_names_may_break_but_never_inside_an_escape():
    page = render_markdown("# T\n\n`application/x-hdf5;type=a` `a & b;c=d` `<i>/x`\n")
    assert "<code>application/<wbr>x-hdf5;<wbr>type=a</code>" in page.body
    assert "<code>a &amp; b;<wbr>c=d</code>" in page.body
    assert "<code>&lt;i&gt;/x</code>" in page.body
