"""The stop document of a run that came without one, made up from the documents that did come.

It depends on nothing else, so the same documents, delivered twice, end in the same stop document.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tiledmap.runtime.layout import Document

SYNTHESISED_BY = "synthesised_by"
"""The field that no RunEngine's stop document has: who made this one up."""


class LastSeen:
    """How far a run has come, by its documents.

    Attributes
    ----------
    time
        The latest time, in seconds since the epoch, of any document; 0 before the first.
    num_events
        By stream: the highest ``seq_num``, as a RunEngine counts. Frames that stream datums name
        count as events, and a stream of which there is only the descriptor has 0.
    """

    def __init__(self) -> None:
        self.time = 0.0
        self.num_events: dict[str, int] = {}
        self._stream_of_descriptor: dict[str, str] = {}

    def note(self, name: str, document: Document) -> None:
        """Take notice of a document; one that is not valid counts as far as it can be read."""
        try:
            match name:
                case "event":
                    seq_num, time = document["seq_num"], document["time"]
                case "event_page":
                    seq_num, time = document["seq_num"][-1], document["time"][-1]
                case "stream_datum":
                    seq_num, time = document["seq_nums"]["stop"] - 1, 0.0
                case "descriptor":
                    return self._begin(document)
                case "start":
                    self.time = float(document["time"])
                    return
                case _:
                    return
            stream = self._stream_of_descriptor[document["descriptor"]]
            if seq_num > self.num_events[stream]:
                self.num_events[stream] = int(seq_num)
            if time > self.time:
                self.time = float(time)
        except Exception:  # whoever stores the document says what is wrong with it
            pass

    def _begin(self, descriptor: Document) -> None:
        stream = descriptor.get("name", "primary")
        self._stream_of_descriptor[descriptor["uid"]] = stream
        self.num_events.setdefault(stream, 0)
        self.time = max(self.time, float(descriptor["time"]))


def synthesised_stop(run: str, time: float, num_events: Mapping[str, int]) -> dict[str, Any]:
    """The stop document of a run that has none.

    Parameters
    ----------
    run
        The run's uid.
    time
        When the run was last heard of, in seconds since the epoch.
    num_events
        By stream.

    Returns
    -------
    dict
        Valid by event-model's schema. Its ``uid`` follows from the run's, and `SYNTHESISED_BY`
        tells it from a RunEngine's.
    """
    return {
        "uid": str(uuid5(NAMESPACE_URL, f"urn:tiledmap:synthesised-stop:{run}")),
        "time": time,
        "run_start": run,
        "exit_status": "abort",
        "reason": "No stop document came; this one was made by tiledmap.",
        "num_events": dict(num_events),
        SYNTHESISED_BY: "tiledmap",
    }


def has_better_end(metadata: Mapping[str, Any], patch: Mapping[str, Any]) -> bool:
    """Whether a run has a RunEngine's stop document, and `patch` brings one that was made up."""
    there, new = metadata.get("stop"), patch.get("stop")
    return (
        isinstance(there, Mapping)
        and SYNTHESISED_BY not in there
        and isinstance(new, Mapping)
        and SYNTHESISED_BY in new
    )
