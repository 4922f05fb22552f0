"""Beat classes of AAMI EC57 and how the databases' annotation symbols map onto them."""

import numpy as np

from .recording import Events, Recording

__all__ = ["AAMI_CLASS", "CLASSES", "aami_index", "beats_of", "fibrillation_of"]

CLASSES = "NSVFQ"
"""Order of the classes in every label, logit and table."""

AAMI_CLASS: dict[str, str] = {
    **dict.fromkeys("NLRBejn", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VEr", "V"),
    **dict.fromkeys("F", "F"),
    **dict.fromkeys("/fQ?", "Q"),
}
"""Annotation symbol -> class (ANSI/AAMI EC57:2012); all others of WFDB's annot(5) are no beats."""


def aami_index(symbol: np.ndarray) -> np.ndarray:
    """Class of each annotation symbol.

    Parameters
    ----------
    symbol : str (n,), WFDB annotation symbols

    Returns
    -------
    np.ndarray
        int8 (n,), position in `CLASSES`, -1 where the symbol is no beat.
    """
    known, inverse = np.unique(symbol, return_inverse=True)
    index = np.asarray([CLASSES.find(AAMI_CLASS.get(str(s), "?")) for s in known], dtype=np.int8)
    return index[inverse] if index.size else np.empty(0, dtype=np.int8)


def beats_of(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Reference beats of a recording.

    Returns
    -------
    sample : int64 (n_beats,), position in samples of the recording
    label : int8 (n_beats,), position in `CLASSES`
    """
    label = aami_index(events.symbol)
    return events.sample[label >= 0], label[label >= 0]


def fibrillation_of(recording: Recording) -> np.ndarray:
    """Episodes of ventricular flutter or fibrillation, from ``[`` to ``]``.

    Returns
    -------
    float64 (n_episodes, 2), onset and end in s; an episode without an end lasts as long as the recording.
    """
    spans: list[tuple[float, float]] = []
    onset_s = None
    for sample, symbol in zip(recording.events.sample, recording.events.symbol, strict=True):
        if symbol == "[" and onset_s is None:
            onset_s = float(sample / recording.fs_hz)
        elif symbol == "]" and onset_s is not None:
            spans.append((onset_s, float(sample / recording.fs_hz)))
            onset_s = None
    if onset_s is not None:
        spans.append((onset_s, recording.duration_s))
    return np.array(spans, np.float64).reshape(-1, 2)
