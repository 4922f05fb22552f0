"""A reviewer's decisions: the log they are kept in, its database, and what is exported from it."""
