"""`ictus app`: the server, the recordings it offers, and what it keeps at hand to show them quickly."""
