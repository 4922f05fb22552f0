"""Every run leaves a record: what it was asked, what it read, what came out, and how it ended."""
