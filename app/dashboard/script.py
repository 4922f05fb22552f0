"""The script that Streamlit runs; the pages lie in ``views``."""

from ictus.app.dashboard.views.shell import show  # pyright: ignore[reportMissingImports] - a script, not a module of the package

show()
