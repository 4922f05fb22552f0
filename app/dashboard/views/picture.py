"""One custom element for every picture: HTML made on the server goes out, clicks and drags come back."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st
from markupsafe import Markup
from streamlit.components.v2 import component

__all__ = ["Sent", "asset", "picture"]

Sent = Callable[[str, Any], None]
"""Is given what happened and its value: ``time`` or ``pan`` in seconds, ``pick`` with what was picked."""


def picture(key: str, html: Markup | str, on_sent: Sent | None = None) -> None:
    """Show HTML whose user content is escaped.

    Parameters
    ----------
    key : unique in the page
    on_sent : called before the page runs again; see `Sent`
    """

    def sent() -> None:
        message = st.session_state[key].get("sent")
        if message and on_sent:
            on_sent(str(message["kind"]), message["value"])

    _element()(key=key, data={"html": str(html)}, on_sent_change=sent, width="stretch", height="content")


@cache
def asset(name: str) -> str:
    """A file that lies with the templates: style sheet, script, icon."""
    return (files("ictus.app") / "templates" / name).read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def _element() -> Callable[..., Any]:
    return component("ictus_picture", css=asset("dashboard.css"), js=asset("dashboard.js"))
