"""Open: a built-in recording, one of the operator's folder, or an upload."""

from collections.abc import Sequence

import streamlit as st

from ....signals import InputError
from ..library import BUILT_IN, FOLDER, UPLOAD, LibraryEntry
from .html import as_text
from .services import UPLOAD_SUFFIXES, services
from .session import go_to

__all__ = ["opening"]

_SOURCES = {BUILT_IN: "Built-in", FOLDER: "Folder", UPLOAD: "Uploaded"}
_GROUPS = {"ECG": "ECG", "EEG": "EEG"}


def opening() -> None:
    """The page."""
    library = services().library
    entries = library.entries()
    with st.container(key="opening"):
        left, right = st.columns([1.35, 1], gap="large")
    with left:
        _list(entries)
    with right:
        _upload()
        st.text_input("Reviewer", key="reviewer", help="Decisions are saved under this name.")
        st.caption(f"Decisions are kept in {services().store.where}".replace("$", "\\$"))


def _list(entries: Sequence[LibraryEntry]) -> None:
    sources = [s for s in _SOURCES if any(e.source == s for e in entries)]
    st.markdown("##### Recordings")
    source = st.segmented_control(
        "Source",
        sources,
        default=sources[0],
        key="source",
        format_func=_SOURCES.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    search = (
        st.text_input("Search", key="search", placeholder="Search by name", label_visibility="collapsed")
        .strip()
        .lower()
    )
    shown = [e for e in entries if e.source == source and search in e.title.lower()]
    if not shown:
        st.caption("Nothing here by that name.")
        return
    with st.container(height=520, key="library"), st.container(horizontal=True, gap="small"):
        for entry in shown[:_MOST]:
            st.button(
                as_text(entry.title),
                key=f"open {entry.id}",
                on_click=go_to,
                args=(entry.id,),
                width=232 if source == BUILT_IN else "stretch",
            )
    if len(shown) > _MOST:
        st.caption(f"The first {_MOST} of {len(shown):,}; search narrows the list.")


_MOST = 200


def _upload() -> None:
    st.markdown("##### Upload")
    files = st.file_uploader(
        "A WFDB header with its signal file (.hea, .dat or .mat, perhaps .atr), one EDF or one CSV file",
        type=UPLOAD_SUFFIXES,
        accept_multiple_files=True,
        key="files",
    )
    fs_hz = st.number_input(
        "Sampling rate in Hz, of a CSV file that states none", 0.0, 5000.0, 0.0, 1.0, key="upload fs"
    )
    if st.button("Open the upload", key="open upload", type="primary", disabled=not files):
        try:
            named = [(f.name, f.getbuffer()) for f in files]
            entry = services().library.upload(named, fs_hz=fs_hz or None)
        except InputError as error:
            st.error(as_text(str(error)))
            return
        go_to(entry.id)
        st.rerun()
