"""Which runs documents belong to."""

from typing import Any

import pytest

from tests.runtime.layouts import descriptor, event, start, stop
from tiledmap.runtime.errors import InvalidDocumentError, OrphanDocumentError
from tiledmap.runtime.routing import Route, Routing

RESOURCE = {"uid": "res", "spec": "S", "root": "", "resource_path": "", "resource_kwargs": {}}
DATUM = {"datum_id": "res/0", "resource": "res", "datum_kwargs": {}}


def routing(*documents: tuple[str, Any], **options: Any) -> Routing:
    made = Routing(**options)
    for name, document in documents:
        made.route(name, document)
    return made


A, B = ("start", start("a")), ("start", start("b"))
OF_A = ("descriptor", descriptor({}, "a", "desc-a"))


def test_documents_belong_to_the_run_that_they_name() -> None:
    runs = routing(A, B, OF_A)
    assert runs.route("descriptor", descriptor({}, "b", "desc-b")) == Route(("b",))
    assert runs.route("event", event(1, {}, "desc-a")) == Route(("a",))
    assert runs.route("stream_datum", {"descriptor": "desc-b"}) == Route(("b",))
    assert runs.route("resource", {**RESOURCE, "run_start": "b"}) == Route(("b",))
    assert runs.route("datum", DATUM) == Route(("b",))
    assert runs.route("stop", stop("a")) == Route(("a",))


def test_documents_that_name_none_belong_to_all_that_are_open() -> None:
    runs = routing(A, B)
    assert runs.route("resource", RESOURCE) == Route(("a", "b"), shared=True)
    runs.route("stop", stop("a"))
    runs.route("start", start("c"))
    assert runs.route("datum_page", {"resource": "res"}) == Route(("b",))
    assert runs.route("datum", {"resource": "other"}) == Route(("b", "c"), shared=True)


def test_a_document_of_the_only_run_is_not_shared() -> None:
    assert routing(A).route("resource", RESOURCE) == Route(("a",))


def test_a_document_of_the_only_run_is_shared_where_another_was_missed() -> None:
    runs = routing(A)
    with pytest.raises(OrphanDocumentError):
        runs.route("descriptor", descriptor({}, "missed"))
    assert runs.route("resource", RESOURCE) == Route(("a",), shared=True)


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        ("start", start("a"), "it began before"),
        ("descriptor", descriptor({}, "b"), "its start document was not seen"),
        ("stop", stop("b"), "its start document was not seen"),
        ("resource", {**RESOURCE, "run_start": "b"}, "its run was not seen"),
        ("event", event(1, {}, "other"), "its descriptor 'other' was not seen"),
        ("event", {**event(1, {}), "descriptor": []}, "its descriptor"),
    ],
)
def test_a_document_of_no_run_is_an_orphan(name: str, document: Any, words: str) -> None:
    with pytest.raises(OrphanDocumentError, match=words):
        routing(A, OF_A).route(name, document)


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        (3, {}, "no documents of this kind"),
        ("other", {}, "no documents of this kind"),
        ("event", None, "it is no object but a NoneType"),
        ("start", {"uid": 3}, "its uid is no text"),
        ("stop", {}, "its run_start is no text"),
        ("descriptor", descriptor({}, "b", "desc-a"), "that of a descriptor of run a"),
    ],
)
def test_a_document_that_says_nothing_is_invalid(name: Any, document: Any, words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words):
        routing(A, B, OF_A).route(name, document)


def test_an_unknown_descriptor_is_said_once_unless_asked_for() -> None:
    for repeats in (False, True):
        runs = routing(A, repeats=repeats)
        stray = event(1, {}, "other")
        with pytest.raises(OrphanDocumentError):
            runs.route("event", stray)
        if repeats:
            with pytest.raises(OrphanDocumentError):
                runs.route("event", stray)
        else:
            assert runs.route("event", stray) == Route(())


def test_a_run_that_has_ended_may_come_again() -> None:
    runs = routing(A, OF_A, ("stop", stop("a")), A, OF_A)
    assert runs.route("event", event(1, {}, "desc-a")) == Route(("a",))


# Runs that began under another writer


def found(*runs: str) -> Routing:
    made = Routing()
    for run in runs:
        made.learn(run, "start", start(run))
        made.learn(run, "descriptor", descriptor({}, run, f"desc-{run}"))
        made.learn(run, "resource", {**RESOURCE, "uid": f"res-{run}"})
    return made


def test_a_run_that_was_found_has_its_documents() -> None:
    runs = found("a", "b")
    assert runs.route("event", event(1, {}, "desc-a")) == Route(("a",))
    assert runs.route("datum", {"resource": "res-b"}) == Route(("b",))
    assert runs.route("stop", stop("b")) == Route(("b",))


def test_a_run_that_was_found_has_no_others_before_it_goes_on() -> None:
    runs = found("a")
    runs.route(*B)
    assert runs.route("resource", RESOURCE) == Route(("b",))
    runs.route("event", event(1, {}, "desc-a"))
    assert set(runs.route("resource", RESOURCE).runs) == {"a", "b"}


def test_a_run_that_was_found_has_them_where_there_is_no_other() -> None:
    assert found("a").route("resource", RESOURCE) == Route(("a",))


def test_a_run_that_was_found_may_begin_again() -> None:
    runs = found("a")
    assert runs.route(*A) == Route(("a",))
    with pytest.raises(OrphanDocumentError, match="it began before"):
        runs.route(*A)


def test_what_was_found_is_forgotten_at_the_end_of_its_run() -> None:
    runs = found("a")
    runs.route("stop", stop("a"))
    with pytest.raises(OrphanDocumentError):
        runs.route("event", event(1, {}, "desc-a"))


@pytest.mark.parametrize("document", [{}, {"uid": []}, {"uid": None, "run_start": 3}])
def test_what_was_found_may_be_anything(document: Any) -> None:
    runs = Routing()
    for name in ("descriptor", "resource", "start"):
        runs.learn("a", name, document)
    assert runs.route("stop", stop("a")) == Route(("a",))
