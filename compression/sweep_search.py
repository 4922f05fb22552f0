"""Search for the sparsest network within a loss budget, by a few trials.

Loss is taken to rise with sparsity; measured losses are noisy and need not, so what is known is smoothed to rise
(isotonic regression by pooling neighbours) before the next trial is chosen.
"""

from collections.abc import Callable, Mapping

__all__ = ["next_above", "rising", "sparsest_within", "widest_within"]


def rising(losses: Mapping[float, float]) -> dict[float, float]:
    """The rising sequence nearest to measured losses in the sense of least squares.

    Parameters
    ----------
    losses : sparsity -> loss

    Returns
    -------
    dict
        The same sparsities in rising order, with losses that never fall.
    """
    blocks: list[tuple[list[float], float]] = []
    for sparsity in sorted(losses):
        members, mean = [sparsity], losses[sparsity]
        while blocks and blocks[-1][1] >= mean:
            before, level = blocks.pop()
            mean = (level * len(before) + mean * len(members)) / (len(before) + len(members))
            members = before + members
        blocks.append((members, mean))
    return {sparsity: mean for members, mean in blocks for sparsity in members}


def sparsest_within(losses: Mapping[float, float], budget: float) -> float | None:
    """Largest sparsity whose smoothed and own loss both keep the budget; None if there is none."""
    smooth = rising(losses)
    return max((s for s, loss in smooth.items() if loss <= budget and losses[s] <= budget), default=None)


def next_above(losses: Mapping[float, float], sparsity: float | None) -> float | None:
    """The next sparsity that was tried above one, the lowest of all above None; None if there is none."""
    return min((s for s in losses if sparsity is None or s > sparsity), default=None)


def widest_within(
    loss_of: Callable[[float], float], budget: float, low: float, high: float, n_trials: int
) -> dict[float, float]:
    """Bisect between `low` and `high` sparsity for the largest one whose loss keeps the budget.

    Parameters
    ----------
    loss_of : sparsity -> loss of a short trial, dear to call
    low, high : 0 <= low < high < 1; halved in the logarithm of what is left, since 0.90 to 0.95 halves a network
        as 0 to 0.5 does
    n_trials : calls of `loss_of`, 1 or more

    Returns
    -------
    dict
        sparsity -> loss of every trial
    """
    losses: dict[float, float] = {}
    densest, sparsest = 1 - low, 1 - high
    for _ in range(n_trials):
        sparsity = round(1 - (densest * sparsest) ** 0.5, 3)
        if sparsity in losses:
            break
        losses[sparsity] = loss_of(sparsity)
        if rising(losses)[sparsity] <= budget:
            densest = 1 - sparsity
        else:
            sparsest = 1 - sparsity
    return losses
