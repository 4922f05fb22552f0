"""A recipe: everything that turns a trained float model into a `CompactModel`, as frozen parts that combine.

Methods are called by name; what names there are is what the modules of `criteria`, `schedules` and `quantisers`
offer.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from ..signals import InputError
from ..signals.bounded_files import read_toml
from ..signals.errors import one_line, quoted

__all__ = [
    "ChannelPruning",
    "MixedPrecision",
    "Pruning",
    "Quantiser",
    "Recipe",
    "ScreenRecipe",
    "Tuning",
    "load_recipe",
    "recipe_from",
]

Part = TypeVar("Part")
_MOST = 1e9


@dataclass(frozen=True)
class ChannelPruning:
    """Whole channels go first: what is left is a smaller network, which also trains faster.

    Attributes
    ----------
    share : of the channels that may go, over all layers together; every layer keeps a quarter of its own,
        and of each group of channels that see the same inputs
    criterion : of `criteria`, for channels
    penalty : L1 penalty on what the criterion says, per step and in units of the learning rate; pulls channels
        apart before the cut
    epochs : of training before the cut, under the penalty; 0 cuts at once
    """

    share: float = 0.35
    criterion: str = "channel-magnitude"
    penalty: float = 0.0
    epochs: int = 0


@dataclass(frozen=True)
class Pruning:
    """Single weights go while the network trains, batch norm still being there.

    Attributes
    ----------
    sparsity : share of the trained network's weights that is pruned, screen and specialist together; those of
        removed channels count, those that only a screen reads which a `ScreenRecipe` replaces do not
    gate_sparsity : the same for the gate
    criterion : of `criteria`, for weights
    schedule : of `schedules`: how sparsity rises
    epochs : over which it rises
    until : share of the epochs after which sparsity no longer rises
    rewind : in the end, what is left goes back to the values that it had before pruning (Renda et al., ICLR 2020)
    kept_channels : of the last layers of the specialist, one number each: so many of its first channels are not
        pruned, because what they decide is lost first
    """

    sparsity: float = 0.935
    gate_sparsity: float = 0.0
    criterion: str = "lamp"
    schedule: str = "cubic"
    epochs: int = 24
    until: float = 0.75
    rewind: bool = False
    kept_channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Quantiser:
    """How weights and activations become integers.

    Attributes
    ----------
    method : of `quantisers`
    n_exponents : powers of two that a layer may choose from (logarithmic only)
    window : which weights share their window of exponents: ``channel`` or ``layer``
    clipping : where the window ends: at the ``largest`` weight, at the top of ``least-squares`` error, or
        ``learnt`` with the weights
    rounding : in training, ``nearest`` or ``stochastic`` in the log domain; the finished model is always nearest
    near_zero : weights below this share of the window's smallest power become 0 after quantisation; 0.5 leaves no
        power without its nearest weights, 1 prunes what would be rounded up to it
    activation_bits : of hidden activations: 8, or 4, which only the integer reference runs
    """

    method: str = "log2"
    n_exponents: int = 4
    window: Literal["channel", "layer"] = "channel"
    clipping: Literal["largest", "least-squares", "learnt"] = "largest"
    rounding: Literal["nearest", "stochastic"] = "nearest"
    near_zero: float = 0.5
    activation_bits: Literal[4, 8] = 8

    @property
    def bits(self) -> int:
        """Sign and exponent of a weight that is left."""
        return self.n_exponents.bit_length()


@dataclass(frozen=True)
class MixedPrecision:
    """Every layer gets the least precision that it bears.

    Attributes
    ----------
    choices : numbers of exponents to choose from
    tolerance : largest rise of the loss when a layer alone is quantised that coarsely, as a share of the loss;
        the layers together may lose more
    activations : whether hidden activations that bear it become 4 bits wide, which only the integer reference runs
    """

    choices: tuple[int, ...] = (1, 2, 4)
    tolerance: float = 0.01
    activations: bool = False


@dataclass(frozen=True)
class Tuning:
    """Training with quantised weights and activations, batch norm folded: it sees what the device runs.

    Attributes
    ----------
    epochs : at the final sparsity; 0 is post-training quantisation
    averaging : last share of the phase over which the weights are averaged; 0 takes the last step's
    frozen : shares of the weights that are fixed at their quantised values, one for each of equally long parts of
        the phase, rising to 1; the others train on as they are. Empty: all are rounded as they train
    gate_epochs : of the gate, which trains apart; 0 takes as many as its float training
    gate_frozen : the gate's shares, see `frozen`

    Raises
    ------
    InputError
        shares that do not rise, or do not end at 1
    """

    epochs: int = 24
    averaging: float = 0.0
    frozen: tuple[float, ...] = ()
    gate_epochs: int = 0
    gate_frozen: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("frozen", "gate_frozen"):
            shares = getattr(self, name)
            steps = zip((0.0, *shares), shares, strict=False)
            if shares and (shares[-1] != 1.0 or not all(before < after for before, after in steps)):
                raise InputError(f"recipe.tuning.{name}: {list(shares)} are no shares that rise to 1")


@dataclass(frozen=True)
class ScreenRecipe:
    """A screen of beats that looks at the context alone takes the place of the trained network's.

    Attributes
    ----------
    n_hidden : outputs of its dense layer
    epochs : of the float network
    tune_epochs : with weights that are powers of two
    learning_rate : peak of the first phase; half of it is that of the second
    ventricular_weight : weight of a ventricular beat in the loss
    withheld : share of the ventricular training beats which the specialist finds that the threshold may withhold
    n_fits : fits from different seeds, of which the one is kept that then lets the fewest training beats pass

    Raises
    ------
    InputError
        a value outside its range
    """

    n_hidden: int = 16
    epochs: int = 30
    tune_epochs: int = 15
    learning_rate: float = 6e-3
    ventricular_weight: float = 2.0
    withheld: float = 0.0015
    n_fits: int = 4

    def __post_init__(self) -> None:
        for name, (least, most) in _SCREEN_RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"recipe.screen.{name}: {value:g} is not between {least:g} and {most:g}")


_SCREEN_RANGES = {
    "n_hidden": (1, 128),
    "epochs": (1, 1000),
    "tune_epochs": (1, 1000),
    "learning_rate": (0.0, 1.0),
    "ventricular_weight": (0.0, 1000.0),
    "withheld": (0.0, 1.0),
    "n_fits": (1, 100),
}


@dataclass(frozen=True)
class Recipe:
    """How to compress.

    Attributes
    ----------
    pruning, quantiser, tuning : the phases
    channels : channels that go before single weights do, None for none
    precision : precision of each layer from how much the loss rises; None gives all layers the quantiser's
    learning_rate : peak of each phase
    distillation : share of the float network's soft labels in the targets
    n_teachers : float networks whose mean opinion these are: the trained one, and others like it that the task
        trains from other seeds
    start : from the ``trained`` weights, or from ``scratch`` (the teacher is the trained network all the same)
    class_offset : added to the class logits of the finished model, one value a class or none at all: moves its
        operating point from one class to another; chosen on patients that did not train
    normal_share : of the training units of the first class, the share that each class may take: sets further
        offsets, so that seeds differ less; one value a class (0 leaves it where it is) or none at all
    ordered : hidden channels are put in the order that makes the stored form smallest; outputs stay as they are
    screen : what takes the trained screen's place once the specialist is finished; None keeps the trained one, and
        so must tasks other than beats
    """

    pruning: Pruning = field(default_factory=Pruning)
    quantiser: Quantiser = field(default_factory=Quantiser)
    tuning: Tuning = field(default_factory=Tuning)
    channels: ChannelPruning | None = None
    precision: MixedPrecision | None = None
    learning_rate: float = 3e-3
    distillation: float = 0.5
    n_teachers: int = 1
    start: Literal["trained", "scratch"] = "trained"
    class_offset: tuple[float, ...] = ()
    normal_share: tuple[float, ...] = ()
    ordered: bool = False
    screen: ScreenRecipe | None = None

    def without_offsets(self) -> "Recipe":
        """The same at the operating point that training gives."""
        return replace(self, class_offset=(), normal_share=())

    def pruned_to(self, sparsity: float) -> "Recipe":
        """The same with another sparsity."""
        return replace(self, pruning=replace(self.pruning, sparsity=sparsity))

    def shortened(self, prune_epochs: int, tune_epochs: int) -> "Recipe":
        """The same with phases of another length; a gate takes as long as its float training."""
        pruning = replace(self.pruning, epochs=prune_epochs)
        return replace(self, pruning=pruning, tuning=replace(self.tuning, epochs=tune_epochs, gate_epochs=0))

    def with_exponents(self, n_exponents: int) -> "Recipe":
        """The same with another number of exponents."""
        return replace(self, quantiser=replace(self.quantiser, n_exponents=n_exponents))

    def to_json(self) -> dict[str, Any]:
        """Every setting, for reports and caches."""
        return asdict(self)


def recipe_from(settings: Mapping[str, Any], base: Recipe | None = None) -> Recipe:
    """A recipe with some settings changed; tables are parts, as in ``{"pruning": {"sparsity": 0.9}}``.

    A part that a recipe may lack is left out by ``False`` or ``None``, as in ``{"screen": False}``.

    Parameters
    ----------
    base : what the other settings are taken from, the defaults if None

    Raises
    ------
    InputError
        a setting that does not exist, or a value of another kind.
    """
    return _changed(base or Recipe(), settings, "recipe")


def _changed(part: Part, settings: Mapping[str, Any], name: str) -> Part:
    kinds = get_type_hints(type(part))
    unknown = sorted(set(settings) - set(kinds))
    if unknown:
        raise InputError(f"{name}: {quoted(unknown[0])} is not a setting; known: {', '.join(kinds)}")
    values = {key: _value(getattr(part, key), kinds[key], v, f"{name}.{key}") for key, v in settings.items()}
    return replace(part, **values)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _value(now: Any, kind: Any, value: Any, name: str) -> Any:
    """`value` as the field's type wants it."""
    part = next((k for k in (kind, *get_args(kind)) if is_dataclass(k)), None)
    if part is not None and isinstance(part, type):
        if (value is None or value is False) and type(None) in get_args(kind):
            return None
        if not isinstance(value, Mapping):
            raise InputError(
                f"{name}: {quoted(value)} is no table; its settings are {', '.join(f.name for f in fields(part))}"
            )
        return _changed(now if now is not None else part(), value, name)
    if isinstance(now, tuple):
        if not isinstance(value, list | tuple) or not all(isinstance(v, int | float) for v in value):
            raise InputError(f"{name}: {quoted(value)} is no list of numbers")
        return tuple(value)
    if isinstance(now, float) and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < _MOST:
            raise InputError(f"{name}: {quoted(value)} is not a number below {_MOST:g}")
        return float(value)
    allowed = get_args(kind)
    if type(value) is not type(now) or (allowed and value not in allowed):
        wanted = ", ".join(map(repr, allowed)) if allowed else type(now).__name__
        raise InputError(f"{name}: {quoted(value)} is {f'not one of {wanted}' if allowed else f'no {wanted}'}")
    return value


def load_recipe(path: str | Path, base: Recipe | None = None) -> Recipe:
    """Read a recipe from a TOML file; what it does not say is as in `base`.

    Raises
    ------
    InputError
        the file cannot be read, is no TOML, or says what no recipe has.
    """
    settings = read_toml(Path(path))
    try:
        return recipe_from(settings, base)
    except InputError as error:
        raise InputError(f"{path}: {one_line(error, 400)}") from error
