"""PostgreSQL and Redis, started for tests and ended with them.

Where one of them is not installed, what needs it is passed over; in continuous integration, where
`.ci/run` installs them, that is a failure.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def run_postgresql() -> Iterator[Callable[[str], str]]:
    """Run a PostgreSQL server; yield what makes a database and gives its address."""
    # Debian keeps all but the clients off the path.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = Path(_find("initdb", "postgresql", *debian)).parent
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tiledmap-pg-") as directory:
        if os.getuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        data = Path(directory) / "data"
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} -F"

        def run(*command: str) -> None:
            subprocess.run(
                _as_user([str(programs / command[0]), *command[1:]]),
                check=True,
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        def make_database(name: str) -> str:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "tiled", name)
            return f"postgresql://tiled@127.0.0.1:{port}/{name}"

        run("initdb", "-D", str(data), "-U", "tiled", "--auth=trust", "--encoding=UTF8")
        run("pg_ctl", "-D", str(data), "-o", options, "-l", f"{directory}/log", "-w", "start")
        try:
            yield make_database
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@contextmanager
def run_redis() -> Iterator[str]:
    """Run a Redis server that keeps nothing on disk; yield its address."""
    program, port = _find("redis-server", "redis-server"), free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for_port(process, port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def init_catalog(uri: str) -> None:
    """Make the tables of a Tiled catalog in an empty database."""
    command = [sys.executable, "-m", "tiled", "catalog", "init", uri]
    subprocess.run(command, check=True, capture_output=True)


def _find(program: str, package: str, *directories: Path) -> str:
    places = [*map(str, directories), os.environ["PATH"]]
    found = shutil.which(program, path=os.pathsep.join(places))
    if found is None:
        reason = f"{program} is not installed (Debian: {package})"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


def _as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to be run by root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("Redis did not start")
