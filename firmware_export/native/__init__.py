"""The device's own C on this computer, compiled at first use, as fast as it can be called from Python."""
