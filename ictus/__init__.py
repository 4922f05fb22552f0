"""ictus: from a raw ECG or EEG recording to a decision that a coin-cell wearable can make."""

__version__ = "0.1.0"
