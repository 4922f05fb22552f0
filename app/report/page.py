"""A plain report page: cards, then sections of text, figures and tables, in one file that loads nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ..analyze.analysis import NOTICE

__all__ = ["Card", "Page", "Section", "Table", "render_page"]


@dataclass(frozen=True)
class Card:
    """A figure that comes first."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names it, cells in the columns `words` are text that wraps."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Collection[int] = ()


@dataclass(frozen=True)
class Section:
    """A section; `key` is its anchor, `figures` are SVG, and `strips` those that take the whole width.

    What is set `apart` must not be read together with the rest of the page.
    """

    key: str
    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Markup] = ()
    strips: Sequence[Markup] = ()
    legend: Sequence[tuple[str, str]] = ()
    apart: bool = False


@dataclass(frozen=True)
class Page:
    """A page; `warnings` are set off at the top, `beside` names the files with the same figures."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    cards: Sequence[Card] = ()
    warnings: Sequence[str] = field(default_factory=tuple)
    beside: str = ""


def render_page(page: Page) -> str:
    """HTML that loads nothing from anywhere: styles and figures are inside."""
    environment = Environment(
        loader=PackageLoader("ictus.app", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2").render(page=page, notice=NOTICE, version=version("ictus"))
