"""Layer-adaptive magnitude for every product that a weight takes part in: fewest instructions, not fewest bytes.

In a network that halves its rate from layer to layer, a weight of the first layers is multiplied many times as
often as one of the last.
"""

from . import WeightCriterion
from .lamp import lamp_scores

__all__ = ["LAMP_PER_PRODUCT"]

LAMP_PER_PRODUCT = WeightCriterion("lamp-per-product", lambda weight, _: lamp_scores(weight), per_product=True)
