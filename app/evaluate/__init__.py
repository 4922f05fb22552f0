"""Models judged on data sets: splits, folds, spread, curves, and the reports that say how much it proves."""
