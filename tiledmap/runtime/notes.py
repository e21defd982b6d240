"""What a run's reader should know about how it was stored: the run's ``notes``."""

from collections import Counter

NOTES_OF_A_TOPIC = 100


class Notes:
    """Texts in the order they were made, none twice, a bounded number on any one topic."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}
        self._on_topic: Counter[str] = Counter()

    def add(self, text: str, topic: str = "") -> bool:
        """Add a note; of those on one topic the first hundred are kept, the rest counted.

        Returns
        -------
        bool
            True for the first note on a topic, and for each new one that has none.
        """
        if text in self._texts:
            return False
        if topic:
            self._on_topic[topic] += 1
            if self._on_topic[topic] > NOTES_OF_A_TOPIC:
                return False
        self._texts[text] = None
        return not topic or self._on_topic[topic] == 1

    def texts(self) -> list[str]:
        """All notes, then how many more there were on each topic."""
        beyond = [
            f"{topic}: {count - NOTES_OF_A_TOPIC} more like these"
            for topic, count in self._on_topic.items()
            if count > NOTES_OF_A_TOPIC
        ]
        return [*self._texts, *beyond]
