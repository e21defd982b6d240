"""Reads HTML as a browser would, as far as these tests ask."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "meta", "link"}


@dataclass
class Element:
    """An element, with what is in it."""

    tag: str
    attributes: dict[str, str | None]
    content: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All its text, styles left out."""
        inner = (each if isinstance(each, str) else each.text for each in self.content)
        return "" if self.tag == "style" else "".join(inner)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def all(self, tag: str = "", class_: str = "") -> list["Element"]:
        """Every element below it of a tag or a class."""
        found = []
        for each in self.content:
            if isinstance(each, Element):
                if tag in ("", each.tag) and (not class_ or class_ in each.classes):
                    found.append(each)
                found += each.all(tag, class_)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> ends something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read(html: str) -> Element:
    """Read a whole piece of HTML, in which everything that begins also ends."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    [top] = reader.open
    return top
