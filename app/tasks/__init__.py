"""What each task does for the verbs that every task has: train, evaluate, compress."""
