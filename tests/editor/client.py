"""A client of the language server: what an editor does, one message at a time."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

PATIENCE = 60
"""Seconds after which a server that does not answer has failed."""
COMMAND = [sys.executable, "-m", "tiledmap", "lsp", "--stdio"]


class Client:
    """Starts a server and talks to it over its standard input and output."""

    def __init__(self, **environment: str) -> None:
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        self._inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._number = 0
        self._versions: dict[str, int] = {}
        self._problems: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.errors = ""

    # ------------------------------------------------------------ messages

    def _read(self) -> None:
        assert self.process.stdout is not None
        while True:
            length = 0
            while line := self.process.stdout.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                self._inbox.put(None)
                return
            self._inbox.put(json.loads(self.process.stdout.read(length)))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self.process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """Take the next message; requests of the server are granted."""
        message = self._inbox.get(timeout=PATIENCE)
        assert message is not None, "the server has ended"
        if message.get("method") == "textDocument/publishDiagnostics":
            self._problems[message["params"]["uri"]] = message["params"]
        elif "method" in message and "id" in message:
            self.asked.append(message["method"])
            self._send({"id": message["id"], "result": None})
        return message

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any = None) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while (message := self._receive()).get("id") != self._number or "method" in message:
            pass
        assert "error" not in message, message["error"]
        return message["result"]

    # ------------------------------------------------------------ what an editor does

    def start(self, **capabilities: Any) -> dict[str, Any]:
        params = {"processId": os.getpid(), "rootUri": None, "capabilities": capabilities}
        result: dict[str, Any] = self.request("initialize", params)
        self.notify("initialized", {})
        return result

    def stop(self) -> int:
        """Leave in good order; the server's exit code."""
        self.request("shutdown")
        self.notify("exit", None)
        code = self.process.wait(PATIENCE)
        self.finish()
        return code

    def finish(self) -> None:
        """Take what the server has left."""
        self._reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            if stream is self.process.stderr:
                self.errors = stream.read().decode()
            stream.close()

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Open a text, and wait for its problems."""
        uri = path.as_uri()
        self._versions[uri] = 1
        self._problems.pop(uri, None)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.problems(path)

    def change(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Type a text, and wait for its problems."""
        uri = path.as_uri()
        self._versions[uri] += 1
        document = {"uri": uri, "version": self._versions[uri]}
        changes = {"textDocument": document, "contentChanges": [{"text": text}]}
        self.notify("textDocument/didChange", changes)
        return self.problems(path)

    def close(self, path: Path) -> None:
        uri = path.as_uri()
        self._versions.pop(uri)
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def problems(self, path: Path) -> list[dict[str, Any]]:
        """Wait for the problems of a text's last version."""
        uri = path.as_uri()
        while self._problems.get(uri, {}).get("version") != self._versions[uri]:
            self._receive()
        found: list[dict[str, Any]] = self._problems[uri]["diagnostics"]
        return found

    def next_problems(self, path: Path) -> list[dict[str, Any]]:
        """Wait for problems of a text that are said anew."""
        while (message := self._receive()).get("params", {}).get("uri") != path.as_uri():
            pass
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def ask(self, what: str, path: Path, text: str, place: int, **more: Any) -> Any:
        """Ask for something at a place of a text."""
        position = position_of(text, place)
        document = {"uri": path.as_uri()}
        return self.request(
            f"textDocument/{what}", {"textDocument": document, "position": position, **more}
        )


def position_of(text: str, place: int) -> dict[str, int]:
    """A position as the protocol counts: lines, and units of UTF-16."""
    line_start = text.rfind("\n", 0, place) + 1
    units = len(text[line_start:place].encode("utf-16-le")) // 2
    return {"line": text.count("\n", 0, place), "character": units}


def stretch(text: str, range_: dict[str, Any]) -> str:
    """The characters of a range on one line."""
    start, end = range_["start"], range_["end"]
    assert start["line"] == end["line"]
    line = text.split("\n")[start["line"]].encode("utf-16-le")
    return line[start["character"] * 2 : end["character"] * 2].decode("utf-16-le")
