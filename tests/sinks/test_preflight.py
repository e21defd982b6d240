"""Each answer of a server means what is said of it, on servers that differ in just that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ALL_SCOPES, PolicyServer, Server, serve
from tests.sinks.test_tiled import requests_of
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled.preflight import Finding, Needs, Outcome, check_server

OK, MISSING, UNKNOWN = Outcome.OK, Outcome.MISSING, Outcome.UNKNOWN
EVERYTHING = Needs(
    mimetypes=("application/x-hdf5", "application/octet-stream"),
    files=True,
    tables=True,
    arrays=True,
)


@pytest.fixture(scope="module")
def bare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """``tiled serve`` without a database for tables, and a directory that it may read.

    It gives out no files as they are.
    """
    home = tmp_path_factory.mktemp("bare")
    detector = tmp_path_factory.mktemp("detector")
    open_catalog(home).close()
    config = f"""\
expose_raw_assets: false
catalog:
  uri: sqlite:///{home}/catalog.db
  writable_storage: ["{home}/data"]
  readable_storage: ["{detector}"]
"""
    with serve(home, config) as server:
        yield server, detector


@pytest.fixture(scope="module")
def read_only_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``tiled serve`` with nowhere to write to."""
    home = tmp_path_factory.mktemp("read-only")
    open_catalog(home).close()
    with serve(home, f"catalog: {{uri: 'sqlite:///{home}/catalog.db'}}\n") as server:
        yield server


@contextmanager
def connected(server: Server) -> Iterator[Any]:
    client = server.connect()
    yield client
    client.context.close()


def ask(client: Any, needs: Needs) -> dict[str, Finding]:
    """All findings, by subject; nothing is left behind."""
    before = list(client)
    findings = list(check_server(client, needs))
    assert list(client) == before
    found = {finding.subject: finding for finding in findings}
    assert len(found) == len(findings)
    return found


def outcomes(found: dict[str, Finding]) -> dict[str, Outcome]:
    return {subject: finding.outcome for subject, finding in found.items()}


def test_a_server_that_takes_everything(served: Any) -> None:
    found = ask(served, EVERYTHING)
    assert set(outcomes(found).values()) == {OK}
    assert found["storage for tables"].words == "sqlite"
    assert "deleted again" in found["the probes"].words


def test_an_embedded_catalog_is_asked_in_the_same_way(
    duckdb_catalog: EmbeddedCatalog,
) -> None:
    found = ask(duckdb_catalog.client, replace(EVERYTHING, lists=True))
    assert set(outcomes(found).values()) == {OK}
    assert found["storage for tables"].words == "duckdb"


def test_only_what_is_needed_is_asked_for(catalog: EmbeddedCatalog) -> None:
    found = ask(catalog.client, Needs())
    assert list(found) == ["server", "the key may create nodes", "create nodes here", "the probes"]


def test_sqlite_has_no_lists(served: Any) -> None:
    finding = ask(served, replace(EVERYTHING, lists=True))["lists in tables"]
    assert finding.outcome is MISSING
    assert "max_array_size: 0" in finding.hint


def test_a_version_that_is_too_old_is_said(
    catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = catalog.client.context.server_info
    for version, outcome in {"0.2.3": MISSING, "0.2.21": OK, "unknown": UNKNOWN}.items():
        monkeypatch.setattr(info, "library_version", version)
        assert ask(catalog.client, Needs())["server"].outcome is outcome


def test_a_mimetype_without_an_adapter(tmp_path: Path) -> None:
    needs = Needs(mimetypes=("text/x-scaled", "text/x-other"), files=True)
    adapters = {"text/x-scaled": "tests.sinks.adapters:ScaledText"}
    with open_catalog(tmp_path / "catalog", adapters=adapters) as catalog:
        found = ask(catalog.client, needs)
    assert found["an adapter for text/x-scaled"].outcome is OK
    finding = found["an adapter for text/x-other"]
    assert finding.outcome is MISSING
    assert "adapters_by_mimetype" in finding.hint


def test_a_server_without_a_database_for_tables(bare_server: tuple[Server, Path]) -> None:
    with connected(bare_server[0]) as client:
        found = ask(client, EVERYTHING)
    assert found["storage for tables"].outcome is MISSING
    assert "needs a database" in found["storage for tables"].hint
    assert found["storage for arrays"].outcome is OK


def test_a_server_with_nowhere_to_write_to(read_only_server: Server, tmp_path: Path) -> None:
    with connected(read_only_server) as client:
        found = ask(client, replace(EVERYTHING, roots=(str(tmp_path),)))
    assert found["storage for tables"].outcome is MISSING
    assert found["storage for arrays"].outcome is MISSING
    assert found["an adapter for application/x-hdf5"].outcome is OK
    # There is no place that can be read for sure, so what the answer means cannot be told.
    assert found[f"files in {tmp_path}"].outcome is UNKNOWN


# Where files can be read from


def test_directories_that_are_served_or_not(tmp_path: Path) -> None:
    served, elsewhere = tmp_path / "served", tmp_path / "elsewhere"
    for directory in (served / "proposal 1", elsewhere):
        directory.mkdir(parents=True)
    roots = {
        str(served): OK,
        str(served / "proposal 1"): OK,
        f"file://localhost{served}/proposal 1": OK,
        str(served / "not-mounted"): MISSING,
        str(elsewhere): MISSING,
        str(tmp_path): MISSING,
        "s3://bucket/data": UNKNOWN,
    }
    with open_catalog(tmp_path / "catalog", readable_storage=[served]) as catalog:
        found = ask(catalog.client, Needs(files=True, roots=tuple(roots)))
    assert {root: found[f"files in {root}"].outcome for root in roots} == roots
    assert "does not see" in found[f"files in {served / 'not-mounted'}"].words
    assert "outside" in found[f"files in {elsewhere}"].words


def test_a_server_says_the_same_of_directories(bare_server: tuple[Server, Path]) -> None:
    server, detector = bare_server
    roots = (str(detector), "/etc", str(detector / "not-there"))
    with connected(server) as client:
        found = ask(client, Needs(files=True, roots=roots))
    there, outside, absent = (found[f"files in {root}"] for root in roots)
    assert outside.outcome is MISSING
    # It gives out no files, so it does not say which there are.
    for finding in (there, absent):
        assert finding.outcome is OK
        assert "could not be told" in finding.words


def test_a_server_s_mistake_costs_no_other_answer(served: Any, tmp_path: Path) -> None:
    roots = tuple(str(tmp_path / name) for name in "abc")
    found = ask(served, Needs(files=True, roots=roots, mimetypes=("image/tiff",)))
    assert [found[f"files in {root}"].outcome for root in roots] == [MISSING] * 3


# What the key may do


@pytest.mark.parametrize(
    ("without", "subject"),
    [
        ("register", "the key may register files"),
        ("write:data", "the key may write data"),
        ("create:node", "the key may create nodes"),
        ("delete:node", "everything else"),
    ],
)
def test_a_scope_that_the_key_lacks_is_named(
    policy_server: PolicyServer, without: str, subject: str
) -> None:
    scopes = [scope for scope in ALL_SCOPES if scope not in (without, "register")]
    needs = replace(EVERYTHING, mimetypes=(), files=without == "register")
    with policy_server.connect_as("alice", scopes) as client:
        finding = ask(client, needs)[subject]
    assert finding.outcome is (UNKNOWN if without == "delete:node" else MISSING)
    assert f"lacks the scope {without}" in finding.words


def test_what_depends_on_a_scope_is_unknown_without_it(policy_server: PolicyServer) -> None:
    scopes = [scope for scope in ALL_SCOPES if scope != "register"]
    with policy_server.connect_as("alice", scopes) as client:
        found = ask(client, replace(EVERYTHING, roots=("/etc",)))
    assert found["an adapter for application/x-hdf5"].outcome is UNKNOWN
    assert found["files in /etc"].outcome is UNKNOWN
    assert found["storage for tables"].outcome is OK


def test_a_container_may_be_closed_to_a_key(policy_server: PolicyServer) -> None:
    with policy_server.connect_as("admin", ALL_SCOPES) as client:
        found = ask(client, EVERYTHING)
    finding = found["create nodes here"]
    assert finding.outcome is MISSING
    assert "write:metadata, create:node on this container" in finding.words
    assert found["everything else"].outcome is UNKNOWN


# Access tags


def test_tags_that_may_be_given_or_not(policy_server: PolicyServer) -> None:
    needs = Needs(access_tags=("beamline", "other", "undefined"))
    with policy_server.connect_as("alice", ["inherit"]) as client:
        found = ask(client, needs)
    tags = {tag: found[f"access tag {tag}"] for tag in needs.access_tags}
    assert outcomes(tags) == {"beamline": OK, "other": MISSING, "undefined": MISSING}
    assert "not an owner" in tags["other"].words
    assert "not defined" in tags["undefined"].words


def test_a_key_that_must_give_a_tag(policy_server: PolicyServer) -> None:
    scopes = [scope for scope in ALL_SCOPES if scope != "register"]
    with policy_server.connect_as("alice", scopes, ["beamline"]) as client:
        without = ask(client, Needs(tables=True))
        found = ask(client, Needs(tables=True, access_tags=("other", "beamline")))
    assert without["create nodes here"].outcome is MISSING
    assert "--tag" in without["create nodes here"].hint
    assert found["create nodes here"].words.endswith("with access tag beamline; not without")
    assert found["storage for tables"].outcome is OK
    assert found["access tag other"].outcome is MISSING
    assert found["access tag beamline"].outcome is OK


def test_a_server_that_keeps_no_tags(served: Any) -> None:
    finding = ask(served, Needs(access_tags=("beamline",)))["access tag beamline"]
    assert finding.outcome is MISSING
    assert "no access policy" in finding.words


# The probes


def test_probes_are_deleted_whoever_stops_asking(catalog: EmbeddedCatalog) -> None:
    asking = check_server(catalog.client, EVERYTHING)
    for finding in asking:
        if finding.subject == "storage for tables":
            assert len(list(catalog.client)) == 1
            asking.close()
    assert list(catalog.client) == []


def test_probes_that_cannot_be_deleted_are_said(catalog: EmbeddedCatalog) -> None:
    asked = 0

    def refuse_second(request: httpx.Request) -> None:
        nonlocal asked
        asked += request.method == "DELETE"
        if request.method == "DELETE" and asked > 1:
            raise httpx.ConnectError("the network is down")

    http = catalog.client.context.http_client
    before = http.event_hooks
    http.event_hooks = {**before, "request": [*before["request"], refuse_second]}
    *_, last = check_server(catalog.client, Needs())
    http.event_hooks = before
    assert last.outcome is MISSING
    [left] = catalog.client
    assert left in last.words


def test_nothing_is_asked_of_other_nodes(catalog: EmbeddedCatalog) -> None:
    with requests_of(catalog.client) as made:
        list(check_server(catalog.client, replace(EVERYTHING, roots=("/etc",))))
    own = [r for r in made if "tiledmap-preflight-" not in r.url.path]
    assert [(request.method, request.url.path) for request in own] == [
        ("POST", "/api/v1/metadata/")
    ]
