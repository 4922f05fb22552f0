"""The key of an event as one word, for what the page sends back."""

from ...review.log import EventKey

__all__ = ["key_text", "text_key"]


def key_text(key: EventKey) -> str:
    """For instance ``beat|12.345|0.000|V``."""
    return f"{key.kind}|{key.onset_s:.3f}|{key.duration_s:.3f}|{key.label}"


def text_key(text: str) -> EventKey:
    """The key of a `key_text`."""
    kind, onset_s, duration_s, label = text.split("|", 3)
    return EventKey(kind, float(onset_s), float(duration_s), label)
