"""A quantity that is only known between bounds."""

from dataclasses import dataclass

__all__ = ["Range"]


@dataclass(frozen=True)
class Range:
    """Low, typical and high of a non-negative quantity.

    Sums and products take low with low and high with high, so the bounds assume that everything goes well, or
    everything badly, at once.
    """

    low: float
    typical: float
    high: float

    @classmethod
    def exact(cls, value: float) -> "Range":
        """No spread."""
        return cls(value, value, value)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    def __mul__(self, other: "Range | float") -> "Range":
        by = other if isinstance(other, Range) else Range.exact(other)
        return Range(self.low * by.low, self.typical * by.typical, self.high * by.high)

    def __truediv__(self, other: "Range | float") -> "Range":
        """The lowest quotient has the lowest dividend and the highest divisor."""
        by = other if isinstance(other, Range) else Range.exact(other)
        return Range(self.low / by.high, self.typical / by.typical, self.high / by.low)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.typical:.4g}"
        return f"{self.typical:.4g} ({self.low:.4g} to {self.high:.4g})"

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"low": self.low, "typical": self.typical, "high": self.high}
