"""Thumb-2 instructions by class, for tables that give cycles per class."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CLASSES",
    "COSTS",
    "BlockCount",
    "classify",
    "count_classes",
    "extra_transfers",
    "is_conditional_branch",
    "leaves",
]

CLASSES = ("alu", "multiply", "divide", "load", "store", "branch", "other")
"""`other` holds IT, barriers, no-operations, special registers and floating point."""

COSTS = (*CLASSES, "branch_taken", "transfer")
"""What cycles are priced by: the classes; branches that were taken, besides; each register of a load or store of
several beyond its first."""

_BRANCH_LIKE = ("bic", "bfi", "bfc", "bkpt")
_PREFIXES = (
    ("load", ("ldr", "ldm", "pop")),
    ("store", ("str", "stm", "push")),
    (
        "multiply",
        ("mul", "mla", "mls", "smul", "smla", "smls", "smml", "smmu", "smua", "smus", "umul", "umla", "umaa"),
    ),
    ("divide", ("sdiv", "udiv")),
    (
        "other",
        ("it", "nop", "svc", "cps", "dmb", "dsb", "isb", "mrs", "msr", "udf", "bkpt", "wf", "yield", "v", "."),
    ),
)


def classify(mnemonic: str) -> str:
    """Class of an instruction by its mnemonic, such as ``ldrb.w`` or ``bne``."""
    if mnemonic.startswith(("cb", "tb")):
        return "branch"
    if mnemonic.startswith("b") and not mnemonic.startswith(_BRANCH_LIKE):
        return "branch"
    return next((name for name, prefixes in _PREFIXES if mnemonic.startswith(prefixes)), "alu")


def is_conditional_branch(mnemonic: str) -> bool:
    """Whether an instruction branches or falls through."""
    plain = ("b", "b.w", "bl", "blx", "bx", "tbb", "tbh")
    return classify(mnemonic) == "branch" and mnemonic not in plain


def leaves(mnemonic: str, operands: str) -> bool:
    """Whether an instruction can write the program counter: a branch, or a load into it as at a function's end."""
    return classify(mnemonic) == "branch" or (classify(mnemonic) == "load" and "pc" in _loaded(mnemonic, operands))


def _loaded(mnemonic: str, operands: str) -> str:
    """The registers that a load writes."""
    return operands if mnemonic.startswith(("ldm", "pop")) else operands.partition("[")[0]


def extra_transfers(mnemonic: str, operands: str) -> int:
    """Registers beyond the first that one load or store moves: each costs a cycle more."""
    if mnemonic.startswith(("ldrd", "strd")):
        return 1
    if mnemonic.startswith(("ldm", "stm", "push", "pop")):
        return operands[operands.index("{") :].count(",")
    return 0


@dataclass(frozen=True)
class BlockCount:
    """A basic block taken to pieces.

    Attributes
    ----------
    classes : instructions by class
    extra_transfers : registers beyond the first of loads and stores of several
    jumps : instructions that can go elsewhere than on
    is_conditional : whether the last of them may fall through
    """

    classes: Counter[str]
    extra_transfers: int
    jumps: int
    is_conditional: bool

    @property
    def costs(self) -> list[int]:
        """What one run of it counts in each of `COSTS`, every branch taken."""
        return [*(self.classes[name] for name in CLASSES), self.jumps, self.extra_transfers]


def count_classes(decoder: Any, code: bytes, address: int) -> BlockCount:
    """Take a basic block to pieces.

    Parameters
    ----------
    decoder : capstone.Cs for Thumb
    code, address : its bytes and where they lie
    """
    classes: Counter[str] = Counter()
    transfers, jumps, conditional = 0, 0, False
    for _, _, mnemonic, operands in decoder.disasm_lite(code, address):
        classes[classify(mnemonic)] += 1
        transfers += extra_transfers(mnemonic, operands)
        jumps += leaves(mnemonic, operands)
        conditional = is_conditional_branch(mnemonic)
    return BlockCount(classes, transfers, jumps, conditional)
