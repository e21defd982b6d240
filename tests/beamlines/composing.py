"""Documents with uids and times that are always the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from tests.beamlines import NamedDocument


def data_root(root: Path) -> dict[str, Any]:
    """The settings of a mapping that takes files from `root` if it is told so."""
    return {"data_root": str(root)}


def external(source: str, *shape: int, **more: Any) -> dict[str, Any]:
    """The data key of a detector that writes files and says `array` and no more."""
    return {
        "source": source,
        "dtype": "array",
        "shape": list(shape),
        "external": "FILESTORE:",
        **more,
    }


class RunDocuments:
    """The documents of one run, in the order in which they are asked for.

    Parameters
    ----------
    site
        What the uids are made from.
    time
        When the run begins; each further document comes a second later.
    start
        Fields of the run start document.
    """

    def __init__(self, site: str, time: float, **start: Any) -> None:
        self._site = site
        self._time = time
        self._count = 0
        self._seq_num: dict[str, int] = {}
        self._descriptors: dict[str, dict[str, Any]] = {}
        self._index: dict[str, int] = {}
        self._documents: list[NamedDocument] = []
        self.uid = self._uid()
        self._add("start", {"uid": self.uid, "time": time, **start})

    def __iter__(self) -> Iterator[NamedDocument]:
        return iter(self._documents)

    def descriptor(
        self,
        name: str,
        data_keys: dict[str, dict[str, Any]],
        configuration: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """Declare a stream. Each data key belongs to the object that it names; else to its own."""
        objects: dict[str, list[str]] = {}
        for key, data_key in data_keys.items():
            objects.setdefault(data_key.get("object_name", key), []).append(key)
        descriptor = {
            "uid": self._uid(),
            "run_start": self.uid,
            "time": self._now(),
            "name": name,
            "data_keys": data_keys,
            "object_keys": objects,
            "configuration": configuration or {},
            "hints": {},
            **more,
        }
        self._descriptors[name] = descriptor
        return self._add("descriptor", descriptor)

    def resource(
        self, spec: str, root: str, resource_path: str, kwargs: dict[str, Any], **more: Any
    ) -> str:
        """Announce a file of a detector in event-model's old form."""
        return self._add(
            "resource",
            {
                "uid": self._uid(),
                "run_start": self.uid,
                "spec": spec,
                "root": root,
                "resource_path": resource_path,
                "resource_kwargs": kwargs,
                "path_semantics": "posix",
                **more,
            },
        )

    def datum(self, resource: str, **kwargs: Any) -> str:
        """Announce a datum of a resource; return its id."""
        index = self._index[resource] = self._index.get(resource, -1) + 1
        datum_id = f"{resource}/{index}"
        self._add("datum", {"datum_id": datum_id, "resource": resource, "datum_kwargs": kwargs})
        return datum_id

    def stream_resource(
        self, data_key: str, mimetype: str, uri: str, parameters: dict[str, Any]
    ) -> str:
        """Announce files of a detector."""
        return self._add(
            "stream_resource",
            {
                "uid": self._uid(),
                "run_start": self.uid,
                "data_key": data_key,
                "mimetype": mimetype,
                "uri": uri,
                "parameters": parameters,
            },
        )

    def stream_datum(self, resource: str, stream: str, start: int, stop: int) -> None:
        """Say that datums `start` to `stop` of a stream resource are there."""
        index = self._index[resource] = self._index.get(resource, -1) + 1
        self._add(
            "stream_datum",
            {
                "uid": f"{resource}/{index}",
                "stream_resource": resource,
                "descriptor": self._descriptors[stream]["uid"],
                "indices": {"start": start, "stop": stop},
                "seq_nums": {"start": start + 1, "stop": stop + 1},
            },
        )

    def event(self, stream: str, data: dict[str, Any]) -> None:
        """Add an event; external data that `data` has is not filled."""
        descriptor = self._descriptors[stream]
        now = self._now()
        seq_num = self._seq_num[stream] = self._seq_num.get(stream, 0) + 1
        keys = descriptor["data_keys"]
        self._add(
            "event",
            {
                "uid": self._uid(),
                "descriptor": descriptor["uid"],
                "time": now,
                "seq_num": seq_num,
                "data": data,
                "timestamps": dict.fromkeys(data, now),
                "filled": {key: False for key in data if "external" in keys[key]},
            },
        )

    def stop(self, **more: Any) -> None:
        """End the run."""
        self._add(
            "stop",
            {
                "uid": self._uid(),
                "run_start": self.uid,
                "time": self._now(),
                "exit_status": "success",
                "reason": "",
                "num_events": dict(self._seq_num),
                **more,
            },
        )

    def _add(self, name: str, document: dict[str, Any]) -> str:
        self._documents.append((name, document))
        return str(document.get("uid", ""))

    def _uid(self) -> str:
        self._count += 1
        return str(uuid5(NAMESPACE_DNS, f"{self._count}.{self._site}"))

    def _now(self) -> float:
        self._time += 1.0
        return self._time
