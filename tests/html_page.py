"""A page of HTML as the tests of reports look at it."""

from html.parser import HTMLParser

VOID = {"br", "link", "meta", "input", "img", "hr"}
ADDRESSES = ("src", "href", "srcset", "data", "xlink:href")


class Page(HTMLParser):
    """Checks that tags match, and notes ids, addresses and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.addresses += [value or "" for key, value in attrs if key in ADDRESSES]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    @property
    def loaded(self) -> list[str]:
        """Addresses that are not within the page."""
        return [address for address in self.addresses if not address.startswith(("#", "data:"))]
