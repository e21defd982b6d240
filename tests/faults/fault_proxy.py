"""A proxy between a writer and a Tiled server, with a fate for each request.

It understands as much of HTTP/1.1 as is needed to know where a message ends. Only requests that
write into a *trial*, a container named ``trial-N``, or read what is in it meet a fate; all others
pass.
"""

import asyncio
import re
import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias

import h11

Message: TypeAlias = list[h11.Event]

_TRIAL = re.compile(rb"/trial-(\d+)(/?)")


class Fault(StrEnum):
    """What goes wrong with a request."""

    NONE = "no fault"
    LOST_REQUEST = "the request is lost"
    LATE_REQUEST = "the request is given up and comes later"
    SLOW_REQUEST = "the request is slow"
    REFUSED = "the proxy says that the server is busy"
    LOST_ANSWER = "the answer is lost"
    CUT_ANSWER = "the answer is cut off"
    SLOW_ANSWER = "the answer is slow"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a request.

    Parameters
    ----------
    seconds
        How slow a slow one is.
    turns
        How many requests of its trial are answered before a late one comes.
    status, retry_after
        What a refusal says.
    reset
        Whether a lost connection is reset; it is closed otherwise.
    """

    fault: Fault = Fault.NONE
    seconds: float = 0.0
    turns: int = 0
    status: int = 503
    retry_after: int | None = None
    reset: bool = False


Decide: TypeAlias = Callable[[int, int], Fate]
"""Gives the fate of a trial's request: ``decide(trial, number)``, both from 0."""


def fates(
    seed: int, rate: float, patience: float, late: Callable[[int], bool] = lambda trial: True
) -> Decide:
    """Decide at random, but always the same for one seed.

    Parameters
    ----------
    rate
        How many of all requests meet a fault, from 0 to 1.
    patience
        Seconds after which the writer gives a request up.
    late
        Whether requests of a trial may come after their writer gave them up.
    """

    def decide(trial: int, number: int) -> Fate:
        chance = Random(f"{seed}-{trial}-{number}")
        if chance.random() >= rate:
            return Fate()
        never = {Fault.NONE} if late(trial) else {Fault.NONE, Fault.LATE_REQUEST}
        fault = chance.choice([fault for fault in Fault if fault not in never])
        too_slow = fault is Fault.SLOW_ANSWER and chance.random() < 0.1
        return Fate(
            fault,
            seconds=patience * (1.5 if too_slow else 0.1 * chance.random()),
            turns=chance.randrange(3),
            status=chance.choice([429, 500, 502, 503, 504]),
            retry_after=chance.choice([None, None, 0]),
            reset=chance.random() < 0.5,
        )

    return decide


@dataclass(slots=True)
class _Late:
    """A request that its client has given up."""

    turns: int
    request: Message


class FaultProxy:
    """Stands before the Tiled server on a port of this computer.

    Parameters
    ----------
    server_port
        Where the server is.
    decide
        Gives each request of a trial its fate.

    Attributes
    ----------
    watch
        Told of each request of a trial before the server is asked and after it has answered:
        ``watch(trial, number, "asked" | "answered")``.
    port
        Where the proxy is.
    faults
        How many requests met which fault.
    """

    def __init__(self, server_port: int, decide: Decide = lambda trial, number: Fate()) -> None:
        self._server_port = server_port
        self._decide = decide
        self.watch: Callable[[int, int, str], None] = lambda trial, number, moment: None
        self._numbers: Counter[int] = Counter()
        self._late: defaultdict[int, list[_Late]] = defaultdict(list)
        self.faults: Counter[Fault] = Counter()
        self.port = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    async def serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Serve the requests of one connection, until it ends or is ended."""
        connection = h11.Connection(h11.SERVER)
        with suppress(OSError, h11.RemoteProtocolError, asyncio.CancelledError):
            while request := await _receive(client, connection):
                if not await self._meet(request, connection, answer):
                    break
                connection.start_next_cycle()
        answer.close()

    async def _meet(
        self, request: Message, connection: h11.Connection, answer: asyncio.StreamWriter
    ) -> bool:
        """Let a request meet its fate; say whether its connection goes on."""
        found = _TRIAL.search(request[0].target)
        if found is None or (request[0].method == b"GET" and not found[2]):
            return await _reply(await self._ask(request), connection, answer)
        trial = int(found[1])
        number = self._numbers[trial]
        self._numbers[trial] += 1
        await self._forward_late(trial)
        fate = self._decide(trial, number)
        self.faults[fate.fault] += 1

        match fate.fault:
            case Fault.LOST_REQUEST:
                return _lose(answer, fate)
            case Fault.LATE_REQUEST:
                self._late[trial].append(_Late(fate.turns, request))
                return _lose(answer, fate)
            case Fault.REFUSED:
                return await _reply(_refusal(fate), connection, answer)
            case Fault.SLOW_REQUEST:
                await asyncio.sleep(fate.seconds)
        self.watch(trial, number, "asked")
        response = await self._ask(request)
        self.watch(trial, number, "answered")
        match fate.fault:
            case Fault.LOST_ANSWER:
                return _lose(answer, fate)
            case Fault.CUT_ANSWER:
                whole = b"".join(map(connection.send, response))
                answer.write(whole[: len(whole) // 2])
                await answer.drain()
                return _lose(answer, Fate())
            case Fault.SLOW_ANSWER:
                await asyncio.sleep(fate.seconds)
        return await _reply(response, connection, answer)

    async def _forward_late(self, trial: int) -> None:
        """Let those requests of a trial come that have waited long enough."""
        waiting = self._late.pop(trial, [])
        for late in waiting:
            if late.turns == 0:
                await self._ask(late.request)
            else:
                self._late[trial].append(_Late(late.turns - 1, late.request))

    async def _ask(self, request: Message) -> Message:
        """Ask the server, through a connection of its own."""
        server, question = await asyncio.open_connection("127.0.0.1", self._server_port)
        connection = h11.Connection(h11.CLIENT)
        try:
            question.write(b"".join(map(connection.send, request)))
            return await _receive(server, connection)
        finally:
            question.close()


async def _receive(reader: asyncio.StreamReader, connection: h11.Connection) -> Message:
    """Receive a whole message; nothing where the connection ends before it begins."""
    message: Message = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(2**16))
        elif isinstance(event, h11.ConnectionClosed):
            return []
        elif not isinstance(event, h11.InformationalResponse):
            message.append(event)
            if isinstance(event, h11.EndOfMessage):
                return message


async def _reply(
    response: Message, connection: h11.Connection, answer: asyncio.StreamWriter
) -> bool:
    if not response:
        return _lose(answer, Fate())
    answer.write(b"".join(map(connection.send, response)))
    await answer.drain()
    return connection.our_state is h11.DONE


def _refusal(fate: Fate) -> Message:
    body = b'{"detail": "busy"}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if fate.retry_after is not None:
        headers.append(("Retry-After", str(fate.retry_after)))
    response = h11.Response(status_code=fate.status, headers=headers)
    return [response, h11.Data(data=body), h11.EndOfMessage()]


def _lose(answer: asyncio.StreamWriter, fate: Fate) -> bool:
    """End a connection, with or without a word to the other side."""
    if fate.reset:
        at_once = struct.pack("ii", 1, 0)
        answer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        answer.transport.abort()
    answer.close()
    return False


@contextmanager
def run_proxy(proxy: FaultProxy) -> Iterator[FaultProxy]:
    """Run a proxy in a thread until the context ends."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, "127.0.0.1", 0))
    proxy.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="fault proxy")
    thread.start()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
