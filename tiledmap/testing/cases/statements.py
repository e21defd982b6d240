"""What a ``NAME.test.yaml`` says, as the language's other statements are modelled."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from tiledmap.language.nodes import Node, Store
from tiledmap.language.scalars import Free, Length, Text


class Family(StrEnum):
    """Tiled's word for what a node is."""

    CONTAINER = "container"
    TABLE = "table"
    ARRAY = "array"
    RAGGED = "ragged"
    BYTES = "bytes"


class Given(Node):
    """What a test begins with."""

    documents: Any = Field(
        description="A file of recorded documents, as seen from this one; or the documents "
        "themselves, each as ``[name, {…}]``."
    )


class ExpectedNode(Node):
    """What is expected of a node; what is not said may be anything."""

    family: Family | None = Field(None, description="What it is for Tiled.")
    store: Store | None = Field(None, description="How a data rule stored it.")
    specs: tuple[str, ...] | None = Field(None, description="All of its specs, in order.")
    access_tags: tuple[str, ...] | None = Field(None, description="All of its access tags.")
    dtype: str | None = Field(None, description="numpy's dtype, as ``int32`` or ``<i4``.")
    shape: tuple[Length, ...] | None = Field(
        None, description="Its shape; ``null`` for a length that varies."
    )
    dims: tuple[str, ...] | None = Field(None, description="The names of its dimensions.")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Columns and their Arrow types; with ``strict`` there is no other.",
    )
    rows: int | None = Field(None, ge=0, description="How many rows a table has.")
    mimetype: str | None = Field(None, description="Of what kind its files are.")
    files: tuple[Text, ...] | None = Field(None, description="The URIs of its files, in order.")
    metadata: dict[str, Free] = Field(
        default_factory=dict,
        description="Some of its metadata; what is a mapping in turn may have other keys, too.",
    )
    made_by: str | None = Field(
        None, description="The rule that makes it, as ``streams.every-stream.data.files``."
    )


class CaseStatement(Node):
    """A test: documents in, nodes out."""

    name: str = Field(min_length=1, description="What it shows, in a few words.")
    given_: Given | None = Field(None, alias="given", description="What it begins with.")
    settings: dict[str, Free] = Field(
        default_factory=dict, description="Values of the mapping's settings."
    )
    expect: dict[str, ExpectedNode] = Field(
        default_factory=dict, description="Nodes by their paths, such as ``raw/run-1/primary``."
    )
    strict: bool = Field(False, description="No other node or column, and no problem.")
    expect_problem: str | None = Field(
        None,
        min_length=1,
        description="The code of a problem of the mapping, or words of one that is logged while "
        "the documents are stored; what else is logged does not count then.",
    )


class CaseFileStatement(Node):
    """A file of tests of one mapping."""

    tiledmap_test: Literal[1] = Field(description="The version of this form.")
    mapping: str = Field(
        min_length=1, description="``./file.yaml``, as seen from here; or a shipped mapping's name."
    )
    tests: tuple[CaseStatement, ...] = Field(description="The tests, in order.")
