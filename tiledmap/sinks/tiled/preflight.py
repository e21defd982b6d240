"""Can a server take what a mapping will send? Asked with probes, before any run.

Tiled says little of how it is configured, so it is tried: small nodes in a container of their own,
which is deleted in the end. Each answer is a `Finding`. What an answer leaves open is said to be
unknown.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import numpy as np
import pyarrow as pa
from packaging.version import InvalidVersion, Version
from tiled.structures.array import ArrayStructure, BuiltinDtype
from tiled.structures.data_source import DataSource
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from tiledmap.runtime.ops import Asset, FileSource
from tiledmap.sinks.tiled.encoding import (
    SQL_TABLE,
    arrow_file,
    endpoint,
    external_source,
    node_body,
)
from tiledmap.sinks.tiled.requests import Json, RequestError, Requests

LEAST_VERSION = "0.2.20"
BYTES = "application/octet-stream"
_NPY_SEQUENCE = "multipart/related;type=application/x-npy"
_SCOPES = re.compile(r"Requires scopes (?P<required>.*)\. \w+ had scopes (?P<had>.*)")
_SCOPE = re.compile(r"'([a-z]+(?::[a-z]+)?)'")


class Outcome(StrEnum):
    """What a probe has come to."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer.

    Parameters
    ----------
    subject
        What was asked for.
    words
        What was found.
    hint
        What to do about it.
    """

    subject: str
    outcome: Outcome
    words: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What will be asked of a server.

    Parameters
    ----------
    mimetypes
        Of files that will be registered.
    roots
        Directories, as paths or URIs, in which those files lie.
    access_tags
        Tags of nodes.
    files, tables, lists, arrays
        Whether files are registered; whether there are tables, such with lists in a column, and
        arrays that Tiled itself stores.
    """

    mimetypes: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    access_tags: tuple[str, ...] = ()
    files: bool = False
    tables: bool = False
    lists: bool = False
    arrays: bool = False


def check_server(client: Any, needs: Needs) -> Generator[Finding, None, None]:
    """Ask a Tiled server for everything that will be needed.

    Parameters
    ----------
    client
        A Tiled client of the container that runs will be written to.
    """
    yield _version(client)
    probes = _Probes(Requests(client.context.http_client), client.uri)
    creating = _permission("create nodes", lambda: probes.ask("POST", node_body("x")))
    yield creating
    if needs.arrays or needs.tables:
        yield _permission("write data", lambda: probes.ask("PUT", {}, "array/full"))
    if needs.files:
        body = node_body("x")
        yield _permission("register files", lambda: probes.ask("POST", body, "register"))
    deleting = _permission("delete probes", lambda: probes.ask("DELETE"))
    for finding in (creating, deleting):
        if finding.outcome is not Outcome.OK:
            yield Finding(
                "everything else",
                Outcome.UNKNOWN,
                "nothing was tried: a probe could not be made and deleted again, "
                f"since {finding.words}",
                "ask with a key that may create and delete nodes",
            )
            return
    opened = probes.open(needs.access_tags)
    yield opened
    if opened.outcome is not Outcome.OK:
        yield Finding("everything else", Outcome.UNKNOWN, "nothing could be tried")
        return
    try:
        for mimetype in needs.mimetypes:
            yield _adapter(probes, mimetype)
        if needs.tables:
            yield _tables(probes)
        if needs.lists:
            yield _lists(probes)
        if needs.arrays:
            yield _arrays(probes)
        yield from _roots(probes, needs.roots)
        for tag in needs.access_tags:
            yield _access_tag(probes, tag)
    finally:
        closed = probes.close()
    yield closed


class _Probes:
    """Small nodes in a container of their own."""

    def __init__(self, requests: Requests, target: str) -> None:
        self.key = f"tiledmap-preflight-{uuid4()}"
        self.uri = f"{target.rstrip('/')}/{self.key}"
        self._requests = requests
        self._target = target
        self._access_tags: tuple[str, ...] | None = None

    def send(self, method: str, uri: str, **options: Any) -> httpx.Response:
        """Make a request; a second one where the first has no answer, as after a server's error."""
        try:
            return self._requests.send(method, uri, **options)
        except RequestError as error:
            if error.status is not None:
                raise
            return self._requests.send(method, uri, **options)

    def ask(self, method: str, body: Json | None = None, name: str = "metadata") -> None:
        """Ask for something to be done to the container, which is not there yet."""
        self.send(method, endpoint(self.uri, name), json=body)

    def open(self, access_tags: tuple[str, ...]) -> Finding:
        """Make the container, with an access tag where it is not to be had without."""
        subject = "create nodes here"
        refusal = None
        for tags in (None, *((tag,) for tag in access_tags)):
            try:
                self._post(self._target, node_body(self.key, access_tags=tags))
            except RequestError as error:
                refusal = refusal or error
                if error.status != httpx.codes.FORBIDDEN:
                    break
            else:
                self._access_tags = tags
                words = "" if tags is None else f", with access tag {tags[0]}; not without"
                return Finding(subject, Outcome.OK, f"a container was made{words}")
        assert refusal is not None
        return _refused(subject, refusal, "name an access tag that this key may give, with --tag")

    def close(self) -> Finding:
        """Delete everything."""
        subject = "the probes"
        everything = {"recursive": True, "external_only": False}
        try:
            self.send("DELETE", self.uri, params=everything)
        except RequestError as error:
            words = f"the container {self.key} could not be deleted: {error.words}"
            return Finding(subject, Outcome.MISSING, words, "delete it by hand")
        return Finding(subject, Outcome.OK, f"were made in {self.key}, which was deleted again")

    def create(
        self,
        source: DataSource[Any] | None = None,
        access_tags: tuple[str, ...] | None = None,
    ) -> Json:
        """Make a node in the container and give what the server says of it."""
        tags = access_tags or self._access_tags
        return self._post(self.uri, node_body(str(uuid4()), source, access_tags=tags))

    def register(self, source: FileSource) -> Json:
        """Make a node of files."""
        external = external_source(source)
        body = node_body(str(uuid4()), external, access_tags=self._access_tags)
        return self._post(endpoint(self.uri, "register"), body)

    def _post(self, uri: str, body: Json) -> Json:
        made: Json = self.send("POST", uri, json=body).json()
        return made


# The server, and what the key may do


def _version(client: Any) -> Finding:
    info = client.context.server_info
    subject, words = "server", f"Tiled {info.library_version}"
    try:
        new_enough = Version(info.library_version) >= Version(LEAST_VERSION)
    except InvalidVersion:
        return Finding(subject, Outcome.UNKNOWN, f"{words}, which is no version")
    if new_enough:
        return Finding(subject, Outcome.OK, words)
    return Finding(
        subject, Outcome.MISSING, words, f"tiledmap is written for {LEAST_VERSION} or later"
    )


def _permission(subject: str, ask: Callable[[], Any]) -> Finding:
    """Whether the key may do something, asked of a node that does not exist."""
    subject = f"the key may {subject}"
    try:
        ask()
    except RequestError as error:
        if error.status == httpx.codes.NOT_FOUND:  # of the node, once the key was looked at
            return Finding(subject, Outcome.OK, "yes")
        return _refused(subject, error)
    return Finding(subject, Outcome.UNKNOWN, "the server did something with a node that is not")


def _refused(subject: str, error: RequestError, hint: str = "") -> Finding:
    """What an answer that is no success says of the subject."""
    if error.transient:
        return Finding(subject, Outcome.UNKNOWN, error.words, "try again later")
    if said := _SCOPES.search(error.words):
        had = set(_SCOPE.findall(said["had"]))
        lacking = [scope for scope in _SCOPE.findall(said["required"]) if scope not in had]
        words = f"lacks {'the scope' if len(lacking) == 1 else 'the scopes'} {', '.join(lacking)}"
        if error.status == httpx.codes.FORBIDDEN:
            hint = "ask for it whoever defines the access tags of this container"
            return Finding(subject, Outcome.MISSING, f"the key {words} on this container", hint)
        hint = "somebody who has it can make a key with it"
        return Finding(subject, Outcome.MISSING, f"the key {words}", hint)
    return Finding(subject, Outcome.MISSING, error.words, hint)


# What can be stored


def _adapter(probes: _Probes, mimetype: str) -> Finding:
    subject = f"an adapter for {mimetype}"
    uri = f"file://localhost/{probes.key}"
    try:
        probes.register(_probe_files(mimetype, uri))
    except RequestError as error:
        if error.status == httpx.codes.UNSUPPORTED_MEDIA_TYPE:
            return Finding(
                subject,
                Outcome.MISSING,
                "the server has none",
                f'adapters_by_mimetype: {{"{mimetype}": "package.module:Adapter"}}, '
                "in its configuration",
            )
        if error.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return Finding(
                subject, Outcome.UNKNOWN, "could not be told: the key may not register files"
            )
        return _refused(subject, error)
    return Finding(subject, Outcome.OK, "yes")


def _tables(probes: _Probes) -> Finding:
    subject = "storage for tables"
    rows = pa.RecordBatch.from_pydict({"seq_num": [1], "x": [1.5]})
    try:
        made = probes.create(_table(rows.schema))
        probes.send(
            "PATCH",
            endpoint(made["links"]["self"], "table/partition"),
            params={"partition": 0},
            content=arrow_file(rows),
            content_type=APACHE_ARROW_FILE_MIME_TYPE,
        )
    except RequestError as error:
        return _refused(
            subject,
            error,
            "writable_storage needs a database, such as postgresql://… or duckdb:///…, and the "
            "server must be able to write to it",
        )
    scheme = urlsplit(made["data_sources"][0]["assets"][0]["data_uri"]).scheme
    return Finding(subject, Outcome.OK, scheme.partition("+")[0])


def _lists(probes: _Probes) -> Finding:
    subject = "lists in tables"
    try:
        probes.create(_table(pa.schema([("x", pa.list_(pa.float64()))])))
    except RequestError as error:
        return _refused(
            subject,
            error,
            "SQLite has no lists: give each array a node of its own (in bluesky-v3, "
            "settings.max_array_size: 0), or keep tables in PostgreSQL or DuckDB",
        )
    return Finding(subject, Outcome.OK, "yes")


def _table(schema: pa.Schema) -> DataSource[Any]:
    return DataSource(
        structure_family="table",
        structure=TableStructure.from_schema(schema, 1),
        mimetype=SQL_TABLE,
    )


def _arrays(probes: _Probes) -> Finding:
    subject = "storage for arrays"
    try:
        _write_array(probes)
    except RequestError as error:
        return _refused(
            subject,
            error,
            "writable_storage needs a directory that the server can write to",
        )
    return Finding(subject, Outcome.OK, "yes")


def _write_array(probes: _Probes) -> str:
    """Store an array of one element, and give the address of its directory."""
    data = np.ones(1)
    structure = ArrayStructure(BuiltinDtype.from_numpy_dtype(data.dtype), ((1,),), (1,))
    made = probes.create(DataSource(structure_family="array", structure=structure))
    probes.send("PUT", made["links"]["full"], content=data.tobytes())
    return str(made["data_sources"][0]["assets"][0]["data_uri"])


# What can be read


def _roots(probes: _Probes, roots: tuple[str, ...]) -> Iterator[Finding]:
    """Whether the server serves files that lie in a directory, and has that directory.

    A sequence of files of which no element is read opens none of them, so the one answer that is
    no success says that their place is none to be read from. That this is how this server answers
    is tried first in a place that can be read from for sure: where it stores its own arrays.
    """
    if not roots:
        return
    try:
        _, sure = _is_served(probes, f"{_write_array(probes)}-probe")
    except RequestError:
        sure = False
    for root in roots:
        yield _root(probes, root, sure)


def _root(probes: _Probes, root: str, sure: bool) -> Finding:
    subject = f"files in {root}"
    uri = as_uri(root)
    if urlsplit(uri).scheme != "file":
        return Finding(
            subject,
            Outcome.UNKNOWN,
            "could not be told: Tiled looks only at where file:// addresses lead to",
        )
    try:
        node, served = _is_served(probes, uri)
        there = _is_there(probes, node) if served else None
    except RequestError as error:
        if error.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            words = "could not be told: the key may not register files, or not read them"
            return Finding(subject, Outcome.UNKNOWN, words)
        return replace(_refused(subject, error), outcome=Outcome.UNKNOWN)
    if not served:
        return _not_served(subject, sure)
    if there is None:
        return Finding(
            subject,
            Outcome.OK,
            "are served; whether the server sees this directory could not be told",
        )
    if there:
        return Finding(subject, Outcome.OK, "are served, and the server sees this directory")
    return Finding(
        subject,
        Outcome.MISSING,
        "would be served, but the server does not see this directory",
        "mount it where the server runs, or let repair.roots say where it is there",
    )


def _not_served(subject: str, sure: bool) -> Finding:
    if not sure:
        return Finding(subject, Outcome.UNKNOWN, "could not be told: no probe can be read here")
    return Finding(
        subject,
        Outcome.MISSING,
        "are not served: they are outside of the server's readable storage",
        "add the directory to readable_storage in the server's configuration; where only parts of "
        "it are meant to be readable, name those with --root",
    )


def _is_served(probes: _Probes, uri: str) -> tuple[Json, bool]:
    """A node of a file at an address, and whether the server would read it."""
    node = probes.register(_probe_files(_NPY_SEQUENCE, uri))
    try:
        probes.send("GET", node["links"]["full"], params={"slice": "0:0"})
    except RequestError as error:
        if not error.is_of_server:
            raise
        return node, False
    return node, True


def _is_there(probes: _Probes, node: Json) -> bool | None:
    """Whether a file or a directory is there; None where the server does not say.

    It looks for a file before it looks at which part of it is wanted, and none makes sense here.
    """
    uri = endpoint(f"{probes.uri}/{node['id']}", "asset/bytes")
    asset = node["data_sources"][0]["assets"][0]
    try:
        probes.send("GET", uri, params={"id": asset["id"]}, byte_range="none")
    except RequestError as error:
        if error.status == httpx.codes.BAD_REQUEST:
            return True
        if error.is_of_server:
            return False
    return None


def _probe_files(mimetype: str, uri: str) -> FileSource:
    """A file that need not be there, as an array of one element."""
    if mimetype == BYTES:
        return FileSource(family="bytes", mimetype=BYTES, assets=(Asset(uri, "data_uris", 0),))
    return FileSource(
        family="array",
        mimetype=mimetype,
        assets=(Asset(uri, "data_uris", 0),),
        dtype=np.dtype("<f8"),
        shape=(1, 1),
        chunks=((1,), (1,)),
    )


def as_uri(root: str) -> str:
    """A directory as a URI, in which Tiled takes every character as it is."""
    return f"file://localhost{root}" if root.startswith("/") else root


# Who can see it


def _access_tag(probes: _Probes, tag: str) -> Finding:
    subject = f"access tag {tag}"
    try:
        made = probes.create(access_tags=(tag,))
    except RequestError as error:
        return _refused(
            subject, error, "define the tag on the server, with this key's owner among its owners"
        )
    if tag in made.get("access_tags", [tag]):
        return Finding(subject, Outcome.OK, "may be given")
    return Finding(
        subject,
        Outcome.MISSING,
        "is not kept: the server has no access policy, so nodes are open to all of its users",
        "configure access_control on the server, or send no access tags",
    )
