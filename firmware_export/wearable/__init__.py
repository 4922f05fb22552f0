"""A recording on the emulated wearable: timelines, scenarios, energy second by second."""
