"""Command line, report, and the verbs behind them."""
