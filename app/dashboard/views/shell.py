"""The frame of every page: name, recording, views, notice; and the one place where errors become a line."""

import streamlit as st
from markupsafe import Markup

from ....signals import IctusError
from ...analyze.analysis import NOTICE
from ..library import LibraryEntry
from . import compare, device, export, review
from .case import Case
from .html import as_text
from .opening import opening
from .picture import asset, picture
from .services import open_case, services
from .session import VIEWS, record_id, start_session, view

__all__ = ["show"]

_PAGES = {"Review": review.review, "Device": device.device, "Compare": compare.compare, "Export": export.export}


def show() -> None:
    """Run the page once."""
    st.set_page_config(page_title="ictus", page_icon=asset("icon.svg"), layout="wide")
    st.html(f"<style>{asset('page.css')}</style>")
    start_session()
    try:
        entry = _entry()
    except IctusError as error:
        st.query_params.clear()
        _head(None)
        st.error(as_text(str(error)))
        opening()
        return
    _head(entry)
    if entry is None or view() == "Open":
        opening()
    else:
        _show_page(entry)


def _entry() -> LibraryEntry | None:
    wanted = record_id()
    return services().library.find(wanted) if wanted else None


def _head(entry: LibraryEntry | None) -> None:
    with st.container(key="head", horizontal=True, vertical_alignment="center"):
        title = entry.title if entry else "Biosignal review"
        picture(
            "brand",
            Markup('<div class="head"><span class="brand">ictus</span><span class="what">{}</span></div>').format(
                title
            ),
        )
        if entry:
            st.segmented_control(
                "View", VIEWS, key="view", label_visibility="collapsed", required=True, width="content"
            )
        picture("notice", Markup('<div class="notice">{}</div>').format(NOTICE.partition(";")[0] + "."))


def _show_page(entry: LibraryEntry) -> None:
    st.query_params["view"] = view().lower()
    try:
        case = _opened(entry)
    except IctusError as error:
        st.error(as_text(_without_folder(entry, str(error))))
        return
    if case.note:
        st.caption(as_text(case.note))
    _PAGES[view()](case)


def _opened(entry: LibraryEntry) -> Case:
    with st.spinner(f"Reading and analysing {as_text(entry.title)}", show_time=True):
        return open_case(entry)


def _without_folder(entry: LibraryEntry, line: str) -> str:
    """The file's name is enough: folders of the server are nobody's business."""
    return line.replace(f"{entry.path.parent}/", "").replace(f"{entry.path.parent}\\", "")
