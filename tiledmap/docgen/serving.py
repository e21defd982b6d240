"""A site for whoever writes it: served from memory, made anew when something that it shows changes.

Needs the extra ``docs``.
"""

import asyncio
import mimetypes
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from watchfiles import awatch

Files = Mapping[str, bytes]
Folders = Callable[[], Collection[Path]]

_CHANGES = "/-/changes"
_RELOAD = f"""<script>
(() => {{
  const changes = new EventSource("{_CHANGES}");
  changes.onmessage = () => location.reload();
  addEventListener("beforeunload", () => changes.close());
}})();
</script>
</body>""".encode()


class Served:
    """The files as they are now, and those who wait for others."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._changed = asyncio.Event()

    def replace(self, files: Files) -> None:
        """Serve other files from now on, and tell every open page."""
        self.files = files
        self._changed.set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[str]:
        """Yield what an open page hears, whenever the files are others."""
        yield ": open\n\n"
        while True:
            await self._changed.wait()
            yield "data: changed\n\n"


def serve(
    files: Files,
    make: Callable[[], Files | None],
    folders: Folders,
    listener: socket.socket,
) -> None:
    """Serve a site until the process is interrupted.

    Parameters
    ----------
    make
        Makes the files anew; None where it cannot, and then what was there stays.
    folders
        What to watch: every folder with something that the files are made of.
    listener
        Where browsers ask.
    """
    config = uvicorn.Config(
        application(files, make, folders), log_level="warning", timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])


def application(files: Files, make: Callable[[], Files | None], folders: Folders) -> Starlette:
    """Make the ASGI application that serves the files and watches what they are made of."""

    @asynccontextmanager
    async def watching(app: Starlette) -> AsyncIterator[None]:
        app.state.served = Served(files)
        watcher = asyncio.create_task(_watch(app.state.served, make, folders))
        yield
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher

    routes = [Route(_CHANGES, _tell), Route("/{path:path}", _file)]
    return Starlette(routes=routes, lifespan=watching)


async def _watch(served: Served, make: Callable[[], Files | None], folders: Folders) -> None:
    while True:
        watched = folders()
        # One watcher for many changes: it notes those that come while a site is made.
        async for _ in awatch(*watched, recursive=False):
            files = await asyncio.to_thread(make)
            if files is not None:
                served.replace(files)
            if await asyncio.to_thread(folders) != watched:
                break


async def _tell(request: Request) -> Response:
    changes = request.app.state.served.changes()
    return StreamingResponse(changes, media_type="text/event-stream")


async def _file(request: Request) -> Response:
    path = request.path_params["path"]
    files: Files = request.app.state.served.files
    found = path if path in files else f"{path.rstrip('/')}/index.html".lstrip("/")
    if found not in files:
        return Response("There is no such page.\n", 404, media_type="text/plain")
    content = files[found]
    if found.endswith(".html"):
        content = content.replace(b"</body>", _RELOAD)
    kind, _ = mimetypes.guess_type(found)
    return Response(content, media_type=kind or "application/octet-stream")
