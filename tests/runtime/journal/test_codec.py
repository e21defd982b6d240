import collections
import enum
import json
import logging
import pathlib
import types
import uuid
import zoneinfo
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import tiledmap
from tests.comparing import plain
from tests.laws.test_hostile_documents import (
    HEALTHY,
    HOSTILE,
    VALUES,
    WHOLE_RUN,
    Change,
    changes,
    deep,
    documents,
    hostile,
    tree_below,
    write,
)
from tests.runtime.originals import written_as_they_are
from tiledmap.runtime.arrays import _natural
from tiledmap.runtime.columns import json_text
from tiledmap.runtime.exact import bounded_repr, split_exact
from tiledmap.runtime.journal import CorruptRecordError, decode, encode
from tiledmap.runtime.journal.codec import DEEPEST_KEPT, name_of
from tiledmap.runtime.journal.values import MARKERS, NUMBER, Mark

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Text(str, enum.Enum):  # noqa: UP042  its text is another than that of a StrEnum
    A = "a"


class Letter(enum.StrEnum):
    A = "a"


class Pair(enum.Enum):
    A = (1, 2)
    B = [3]  # noqa: RUF012  a value that cannot be hashed


class Bits(enum.IntFlag):
    R = 1
    W = 2


class Loud(float):
    def __repr__(self) -> str:
        return "loud!"


class Titled(str):
    def __str__(self) -> str:
        return "a title"


class Unreadable(dict[Any, Any]):
    def items(self) -> Any:
        raise KeyError("items")


class Axes(collections.UserList[int]):
    pass


Point = collections.namedtuple("Point", "x y")


def knot(kind: str) -> Any:
    """A value that is inside itself."""
    match kind:
        case "list":
            one: list[Any] = [1]
            one.append({"again": one})
            return one
        case "mapping":
            two: dict[str, Any] = {"a": 1}
            two["again"] = [two]
            return two
        case _:
            three: list[Any] = []
            three.append((three, 1))
            return three


MORE = {
    "enum of text": Text.A,
    "enum of letters": Letter.A,
    "enum of tuples": Pair.A,
    "enum of lists": Pair.B,
    "flags": Bits.R | Bits.W,
    "float of its own": Loud(2.5),
    "text of its own": Titled("not a title"),
    "named tuple": Point(1, [2]),
    "list of its own": Axes([1, 2]),
    "datetime": datetime(2026, 1, 2, 3, 4, 5, 6),
    "datetime of UTC": datetime(2026, 1, 2, tzinfo=UTC),
    "datetime of a place": datetime(2026, 7, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "second two o'clock": datetime(2026, 10, 25, 2, fold=1),
    "date": date(2026, 1, 2),
    "time": time(1, 2),
    "timedelta": timedelta(1),
    "uuid": uuid.UUID(int=7),
    "decimal": Decimal("1.50"),
    "fraction": Fraction(1, 3),
    "path": pathlib.Path("/a/b"),
    "windows path": pathlib.PureWindowsPath("c:\\x"),
    "ordered": collections.OrderedDict(b=1, a=[2]),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "mapping proxy": types.MappingProxyType({"a": 1}),
    "frozenset key": {frozenset([1]): 2},
    "tuple key": {("a", 1): 2, None: 3, 1.5: 4},
    "numpy text": np.str_("a\0"),
    "numpy bytes": np.bytes_(b"a\0"),
    "numpy time": np.datetime64("2026-01-01", "ns"),
    "numpy bool": np.True_,
    "long double": np.longdouble(1) / 3,
    "complex": np.complex64(1j),
    "record": np.zeros(1, [("a", "U2"), ("b", "f8", (2,))])[0],
    "every second": np.arange(12).reshape(3, 4)[:, ::2],
    "Fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big end first": np.arange(3, dtype=">i4"),
    "masked": np.ma.masked_array([1, 2, 3], [False, True, False]),
    "records": np.zeros(3, [("a", "U2"), ("b", "f8", (2,))]),
    "padded records": np.zeros(
        2, {"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 8]}
    ),
    "objects": np.array([[{"a": 1}, None], [(1,), "x"]], object),
    "object of no dimensions": np.array({"a": 1}, object),
    "half": np.float16([1.5]),
    "deque": collections.deque([1, 2]),
    "negative zero": -0.0,
    "surrogate in a list with an array": ["\ud800", np.arange(3), (np.float32(2),)],
    "beyond 64 bits": [2**64, -(2**63) - 1],
    "as deep as metadata is kept": deep(150),
    "knot of lists": knot("list"),
    "knot of mappings": knot("mapping"),
    "knot of tuples": knot("tuple"),
    "function": print,
    "extension": msgpack.ExtType(77, b"x"),
}
EVERY = {**{f"{number}": value for number, value in enumerate(VALUES)}, **MORE}


def there_and_back(value: Any) -> Any:
    name, document, shared = decode(encode("start", {"key": value}, True))
    assert (name, shared, list(document)) == ("start", True, ["key"])
    return document["key"]


def outcome(act: Callable[[Any], Any], value: Any) -> Any:
    """What comes of it, or what is said of why nothing does."""
    try:
        return act(value)
    except Exception as error:
        return str(error) or type(error).__name__


@pytest.mark.parametrize("value", EVERY.values(), ids=EVERY)
class TestWhatAWriterMakesOfAValue:
    def test_as_metadata(self, value):
        assert split_exact({"key": there_and_back(value)}) == split_exact({"key": value})

    def test_as_json_text(self, value):
        assert outcome(json_text, there_and_back(value)) == outcome(json_text, value)

    def test_as_an_array(self, value):
        came, went = _natural(there_and_back(value)), _natural(value)
        assert (came.dtype, came.shape) == (went.dtype, went.shape)
        if went.dtype.kind != "O":
            assert plain(came) == plain(went)

    def test_in_messages(self, value):
        came = there_and_back(value)
        assert type(came).__name__ == type(value).__name__
        assert bounded_repr(came) == bounded_repr(value)


@pytest.fixture
def silent() -> Iterator[None]:
    logger = logging.getLogger("tiledmap")
    logger.disabled = True  # thousands of tracebacks
    yield
    logger.disabled = False


LAYOUT = tiledmap.load("bluesky-v3").layout


def decoded(run: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """What a writer is given that reads payloads; it looks before whether these are documents."""
    return [
        decode(encode(name, document))[:2]
        if isinstance(name, str) and isinstance(document, dict)
        else (name, document)
        for name, document in run
    ]


def is_kept_whole(value: Any) -> bool:
    """Whether a value has no stand-in: it is not too deep, and nothing in it resists being read."""
    if callable(value):
        return False
    try:
        repr(value)
    except RuntimeError:
        return False
    except ValueError:  # of a long number
        pass
    for _ in range(DEEPEST_KEPT):
        if type(value) is not list or len(value) != 1 or value[0] is value:
            return True
        (value,) = value
    return False


@given(
    changes=changes(WHOLE_RUN).filter(
        lambda changes: all(is_kept_whole(VALUES[change.value]) for change in changes)
    )
)
@settings(SETTINGS, max_examples=60)
@pytest.mark.usefixtures("silent")
def test_a_writer_stores_the_same_of_what_was_encoded(changes: list[Change]) -> None:
    run = [*documents(HEALTHY), *hostile(changes)]

    with written_as_they_are():
        of_originals, of_payloads = write(LAYOUT, run), write(LAYOUT, decoded(run))

    for uid in (HEALTHY, HOSTILE):
        one, other = tree_below(of_payloads, uid), tree_below(of_originals, uid)
        assert [path for path in {**one, **other} if one.get(path) != other.get(path)] == []


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5)
    | st.binary(max_size=4)
    | st.complex_numbers()
    | npst.arrays(npst.scalar_dtypes(), npst.array_shapes(min_dims=0, min_side=0, max_side=3))
    | npst.arrays(npst.scalar_dtypes(), ()).map(lambda array: array[()])
)
KEYS = st.text(st.characters(codec=None), max_size=5) | st.integers() | st.tuples(st.booleans())
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


def shown(value: Any) -> Any:
    """A value as text that tells types, shapes, and zeros of both signs apart."""
    match value:
        case np.ndarray() | np.generic():
            return type(value), value.dtype.str, value.shape, repr(value.tolist())
        case dict():
            return [(shown(key), shown(item)) for key, item in value.items()]
        case list() | tuple():
            return type(value), [shown(item) for item in value]
        case _:
            return type(value), repr(value)


@given(st.dictionaries(st.text(max_size=5), TREES, max_size=4))
@settings(SETTINGS, max_examples=150)
def test_every_plain_value_comes_back(document):
    _, came, _ = decode(encode("event", document))
    assert shown(came) == shown(document)


def test_arrays_are_views_of_the_payload_that_cannot_be_written():
    image = np.arange(12.0).reshape(3, 4)
    payload = encode("event", {"data": {"image": image, "other": np.arange(3, dtype="u1")}})

    _, event, _ = decode(payload)

    came = event["data"]["image"]
    assert np.shares_memory(came, np.frombuffer(payload, "u1"))
    assert came.flags.aligned
    assert not came.flags.writeable


def test_nothing_of_the_document_is_kept_or_changed():
    image = np.zeros(3)
    document = {"data": {"image": image}, "tuple": (1, [2])}
    payload = encode("event", document)

    image[:] = 7
    document["tuple"][1].append(3)

    _, came, _ = decode(payload)
    assert came["data"]["image"].tolist() == [0, 0, 0]
    assert came["tuple"] == (1, [2])


def test_what_is_too_deep_has_a_stand_in_at_its_end():
    innermost = there_and_back(deep(100_000))
    while type(innermost) is list:
        (innermost,) = innermost
    assert bounded_repr(innermost) == "<list without a repr>"


def test_a_value_whose_repr_sends_a_document_harms_neither():
    class Talkative:
        def __repr__(self) -> str:
            return str(decode(encode("event", {"array": np.arange(2)}))[1]["array"].tolist())

    _, came, _ = decode(encode("start", {"array": np.arange(3), "one": Talkative(), "two": (1,)}))

    assert came["array"].tolist() == [0, 1, 2]
    assert repr(came["one"]) == "[0, 1]"
    assert came["two"] == (1,)


def test_threads_do_not_mix_their_documents():
    def encode_many(number: int) -> bool:
        document = {"number": number, "array": np.full(50, number), "tuple": (number,)}
        return all(
            plain(decode(encode("event", document))[1]) == plain(document) for _ in range(200)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(encode_many, range(16)))


def test_a_mapping_that_cannot_be_read_has_a_stand_in():
    assert bounded_repr(there_and_back(Unreadable(a=1))) == "{'a': 1}"


def test_a_mapping_that_is_no_dict_comes_back_as_one():
    assert decode(encode("start", types.MappingProxyType({"uid": "a"})))[1] == {"uid": "a"}


@pytest.mark.parametrize("document", [{"uid": "a"}, {"array": np.arange(3)}, {"text": "\ud800"}])
def test_the_name_can_be_told_from_the_beginning(document):
    assert name_of(encode("stream_resource", document)[:64]) == "stream_resource"


def test_of_what_is_no_payload_there_is_no_name():
    assert [name_of(text) for text in (b"", b"\xc1", b"\x93", b"\x93\xc0abc", b"abc")] == [""] * 5


# ---------------------------------------------------------------- from strangers


def record(value: Any) -> bytes:
    return msgpack.packb(["event", False, {"key": value}])


def marked(mark: Mark, *items: Any) -> list[Any]:
    return [MARKERS[mark], *items]


HOSTILE_PAYLOADS = {
    "nothing": b"",
    "no record": msgpack.packb({"a": 1}),
    "no document": msgpack.packb(["event", False, 3]),
    "no name": msgpack.packb([3, False, {}]),
    "more behind": record(1) + b"\0",
    "cut": record("text")[:-1],
    "a tail of no head": b"\xc1\xff\xff\xff\xff",
    "an array without a tail": record(marked(Mark.ARRAY, "<f8", [1], 0)),
    "many bytes of few": record(marked(Mark.NAMED, "bytes", "B", None, None, 10**12)),
    "a long list of few": record(
        marked(Mark.NAMED, "list", "L", None, None, marked(Mark.RANGE, 0, 10**12, 1))
    ),
    "a name that is none": record(marked(Mark.NAMED, "str", "a\0", None, None, "x")),
    "a base that is none": record(marked(Mark.NAMED, "object", "A", None, None, "x")),
    "a member that is a method": record(
        marked(Mark.MEMBER, "str", "E", "__new__", "", "", "a", "a")
    ),
    "a number of no dtype": record(msgpack.ExtType(NUMBER, b"|O8" + bytes(8))),
    "a number that is cut": record(msgpack.ExtType(NUMBER, b"<f8" + bytes(7))),
    "objects of another shape": record(marked(Mark.OBJECTS, [2**40], [])),
    "a key that is a list": b"\x93\xa5event\xc2\x81\x90\x01",
    "lists that are too deep": b"\x93\xa5event\xc2" + b"\x81\xa1a" * 100_000 + b"\xc0",
}


@pytest.mark.parametrize("payload", HOSTILE_PAYLOADS.values(), ids=HOSTILE_PAYLOADS)
def test_what_is_no_payload_is_said_to_be_none(payload):
    with pytest.raises(CorruptRecordError):
        decode(payload)


@pytest.mark.parametrize("descr", ["|O", [["a", "|O"]], "<f8,|O", "no dtype", 3, [], "|V0"])
def test_an_array_of_anything_but_plain_elements_is_refused(descr):
    head = record(marked(Mark.ARRAY, descr, [2**40], 0))
    with pytest.raises(CorruptRecordError):
        decode(b"\xc1" + len(head).to_bytes(4, "little") + head + bytes(200))


@pytest.mark.parametrize(("shape", "start"), [([3], 0), ([-1], 0), ([1], 100), ([2**62, 8], 0)])
def test_an_array_beyond_its_payload_is_refused(shape, start):
    head = record(marked(Mark.ARRAY, "<f8", shape, start))
    padding = bytes(-(5 + len(head)) % 64)
    with pytest.raises(CorruptRecordError):
        decode(b"\xc1" + len(head).to_bytes(4, "little") + head + padding + bytes(16))


def read_or_refused(payload: bytes) -> None:
    with suppress(CorruptRecordError):
        name, document, shared = decode(payload)
        assert (type(name), type(document), type(shared)) == (str, dict, bool)


VALID = [encode("event", {"data": {"key": value}, "seq_num": 1}) for value in EVERY.values()]
VALID = [payload for payload in VALID if len(payload) < 20_000]


@given(st.binary(max_size=200))
@example(json.dumps({"uid": 1}).encode())
@settings(SETTINGS, max_examples=200)
def test_any_bytes_are_read_or_refused(noise):
    read_or_refused(noise)
    read_or_refused(b"\x93\xa5event\xc2\x81\xa1a" + noise)


@given(
    payload=st.sampled_from(VALID),
    changed=st.lists(st.tuples(st.integers(0, 20_000), st.binary(max_size=6)), max_size=4),
    cut=st.integers(0, 3),
)
@settings(SETTINGS, max_examples=400)
def test_changed_payloads_are_read_or_refused(payload, changed, cut):
    for place, new in changed:
        place %= len(payload)
        payload = payload[:place] + new + payload[place + len(new) :]
    read_or_refused(payload[: len(payload) - cut])
