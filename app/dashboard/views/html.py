"""Pieces of HTML that pages share; every text is escaped."""

import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from .case import Figure, Reason

__all__ = ["as_text", "facts_table", "figure_cards", "grid", "titled"]

_MARKUP = re.compile(r"[\\`*\[\]<>$~#|]")


def as_text(text: str) -> str:
    """Markdown that shows a text as it is: names from a file link to nothing and load no picture."""
    return _MARKUP.sub(r"\\\g<0>", text)


def figure_cards(figures: Iterable[Figure]) -> Markup:
    """Figures side by side."""
    card = (
        '<div class="figure"><div class="what">{}</div><div class="much">{}</div><div class="note">{}</div></div>'
    )
    cards = (Markup(card).format(figure.what, figure.much, figure.note) for figure in figures)
    return Markup('<div class="figures">{}</div>').format(Markup("").join(cards))


def facts_table(title: str, reason: Reason) -> Markup:
    """Facts by name, and the picture beside them."""
    rows = Markup("").join(Markup("<tr><th>{}</th><td>{}</td></tr>").format(*fact) for fact in reason.facts)
    table = Markup('<table class="facts">{}</table>').format(rows)
    shown = Markup('<figure class="beside">{}<figcaption>{}</figcaption></figure>').format(
        reason.picture, reason.caption
    )
    beside = shown if reason.picture else Markup("")
    return titled(title, Markup('<div class="reason"><div>{}</div>{}</div>').format(table, beside))


def titled(title: str, content: Markup) -> Markup:
    """A panel with a heading."""
    return Markup('<div class="panel"><div class="picture-title">{}</div>{}</div>').format(title, content)


def grid(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    differs: Iterable[tuple[int, int]] = (),
    holds: str = "numbers",
) -> Markup:
    """A table; cells that differ, by row and column, are set off; it `holds` numbers or texts."""
    marked = set(differs)
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in header)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td class="{}">{}</td>').format("differs" if (i, j) in marked else "", cell)
                for j, cell in enumerate(row)
            )
        )
        for i, row in enumerate(rows)
    )
    parts = '<table class="grid {}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    table = Markup(parts).format(holds, head, body)
    return Markup('<div class="scroll">{}</div>').format(table)
