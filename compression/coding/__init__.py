"""Binary decisions with probabilities, and the coder that turns them into bytes."""

__all__: list[str] = []
