"""Time since the start of a recording, the same in every language."""

__all__ = ["clock", "span", "when"]


def clock(seconds: float) -> str:
    """``hh:mm:ss``, with tenths where they matter: 3725.5 -> 01:02:05.5."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(abs(tenths), 10)
    minutes, second = divmod(whole, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{'-' if tenths < 0 else ''}{text}" + (f".{tenth}" if tenth else "")


def span(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def when(iso: str) -> str:
    """Date and minute of an ISO time in UTC: ``2026-11-22 07:05 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC" if len(iso) >= 16 else iso
