"""Documents that go over Kafka to the process that writes them.

The broker is the one that Kafka's own client has for such tests.
"""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import msgpack
import pytest
from ophyd.sim import det

from tests.integration.conftest import Beamline
from tests.integration.listeners import Listener, Write
from tests.integration.packages import need

need("confluent_kafka", "bluesky_kafka")

TOPIC = "bluesky.documents"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ophyd")


@pytest.fixture
def broker() -> Iterator[str]:
    """The address of a Kafka broker."""
    from confluent_kafka import Producer

    host = Producer({"test.mock.num.brokers": 1})
    [broker] = host.list_topics(TOPIC, timeout=30).brokers.values()  # makes the topic, too
    yield f"{broker.host}:{broker.port}"
    host.flush()  # until here, it is there


def hear(address: str, write: Write, tell: Write) -> None:
    from bluesky_kafka import BlueskyConsumer

    def process(consumer: Any, topic: str, name: str, document: Any) -> None:
        write(name, document)
        consumer.commit(asynchronous=False)
        tell(name, document)

    consumer = BlueskyConsumer(
        topics=[TOPIC],
        bootstrap_servers=address,
        group_id="tiledmap",
        consumer_config={
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6_000,  # after which a consumer's place is given to the next
        },
        process_document=process,
    )
    consumer.start()


def test_a_run_whose_consumer_is_killed_is_finished_by_the_next(
    beamline: Beamline, broker: str
) -> None:
    with patch.dict(vars(msgpack)):  # which it replaces for the whole process
        from bluesky_kafka import Publisher

    publisher = Publisher(TOPIC, broker, key="RE")
    beamline.engine.subscribe(publisher)
    listener = Listener(hear, broker, beamline)

    @bpp.run_decorator()
    def plan() -> Iterator[Any]:
        for _ in range(3):
            yield from bps.trigger_and_read([det])
        assert listener.has_accepted(beamline.documents[-1][1])
        listener.kill()
        for _ in range(2):
            yield from bps.trigger_and_read([det])

    beamline.engine(plan())
    publisher.flush()
    listener.start()
    try:
        beamline.assert_whole()
    finally:
        listener.kill()
    assert beamline.rows() == 5
