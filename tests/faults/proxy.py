"""Runs through a proxy that loses, delays, refuses and cuts off what passes."""

from collections.abc import Callable
from random import Random
from typing import Any

import httpx

from tests.faults.fault_proxy import FaultProxy, fates, run_proxy
from tests.faults.runs import compose_documents
from tests.faults.server import Storage
from tests.faults.trials import Outcome, kind_of, open_ground

RATE = 0.2
"""How many of all requests meet a fault."""
PATIENCE = 1.0
"""Seconds after which a client gives a request up."""


def try_proxy(
    runs: int,
    seed: int,
    first: int = 0,
    storage: Storage = "sqlite",
    advance: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Write as many runs through faults, or one more, and compare each with a clean write.

    Parameters
    ----------
    first
        The number of the first trial, each of which may be repeated alone.
    storage
        Where the server keeps its catalog and tables.
    """
    outcome = Outcome(seed)
    decide = fates(seed, RATE, PATIENCE, late=_has_spool)
    with (
        open_ground(storage) as ground,
        run_proxy(FaultProxy(ground.server.port, decide)) as proxy,
        ground.server.connect(proxy.uri, timeout=httpx.Timeout(PATIENCE)) as client,
    ):
        while outcome.runs < runs:
            trial = first + outcome.trials
            documents = compose_documents(kind := kind_of(seed, trial))
            options = _draw_options(Random(f"{seed}-{trial}"))
            if _has_spool(trial):
                options["spool"] = ground.spool(trial)
            with ground.mapping.writer(
                client.create_container(f"trial-{trial}"), **options
            ) as writer:
                for name, document in documents:
                    writer(name, document)
                writer.close(timeout=60)
            outcome.add(trial, documents, ground.differences(trial, kind))
            advance(outcome.runs)
    outcome.happened.update(proxy.faults)
    return outcome


def _has_spool(trial: int) -> bool:
    """Whether its writer can write a run anew; rows that were doubled stay so otherwise."""
    return trial % 3 > 0


def _draw_options(chance: Random) -> dict[str, Any]:
    return {
        "delivery": chance.choice(["background", "background", "inline"]),
        "flush_rows": chance.choice([1, 4, 100, 100]),
        "flush_seconds": chance.choice([0.02, 0.25]),
    }
