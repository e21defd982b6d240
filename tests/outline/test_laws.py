"""What holds for the outline of every mapping: shipped, written for tests, or made up."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import tiledmap
from tests.outline.mappings import WRITTEN
from tiledmap.check.coverage import Coverage
from tiledmap.outline.values import FieldPath, Link, Outline, Part
from tiledmap.testing import strategies


def of_row(row: Coverage) -> FieldPath:
    return FieldPath(row.document, (row.field,)).single


def of_rule(link: Link, row: Coverage) -> bool:
    """Whether a link leads into a node that a row of coverage speaks of."""
    return not row.rule or link.node.startswith(f"streams.{row.rule}")


def kept(link: Link) -> bool:
    """Whether a link says that a field can be read from a node as it came.

    Of what only decides about a node, or is its name, a spec or a tag, coverage gives a reason: it
    is not a place where one looks for the field.
    """
    return link.whole and link.part in (Part.METADATA, Part.COLUMN)


def check(outline: Outline) -> None:
    ids = [node.id for node in outline.walk()]
    assert len(set(ids)) == len(ids)
    assert {link.node for link in outline.links} <= set(ids)

    bulk = ("bulk_events", "bulk_datum")
    destinations = [row for row in outline.coverage if row.destination]
    for row in destinations:
        if row.document not in bulk:
            assert any(
                link.field.steps[:1] == of_row(row).steps
                and link.field.document == of_row(row).document
                and of_rule(link, row)
                for link in outline.links
            ), f"nothing says how {row.document}.{row.field} comes to be {row.destination}"

    fields = {(of_row(row).document, row.field) for row in destinations}
    for link in filter(kept, outline.links):
        assert (link.field.document, link.field.steps[0]) in fields, link


@pytest.mark.parametrize("name", WRITTEN)
def test_links_and_coverage_tell_the_same(name: str) -> None:
    check(tiledmap.load(name).outline)


@given(text=strategies.mappings())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_links_and_coverage_tell_the_same_of_any_mapping(place: Path, text: str) -> None:
    place.write_text(text)
    check(tiledmap.load(place).outline)
