"""Models and decisions of the seizure task's folds: made once, kept in a folder, taken from there."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...compression import CompactModel, Recipe, compress_seizure, load_compact, to_bytes
from ...models import FloatFile, FloatModel, float_to_bytes, load_float
from ...models.seizure_data import EegRecord
from ...models.seizure_excerpts import subject_excerpts
from ...models.seizure_fit import SeizureConfig
from ...models.seizure_train import prepare_training, train_seizure
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals.eeg_files import EegFile, eeg_files
from ..batch.identity import key_of
from ..output import write_bytes
from ..run_notes import note_data
from .seizure_protocols import (
    Decided,
    ExcerptStore,
    Identities,
    SeizureFold,
    by_subject,
    decide_files,
    stored_decisions,
)

__all__ = ["EXCERPTS", "FoldModels", "excerpts_of", "extra_excerpts", "extra_files"]

EXCERPTS = "excerpts"


@dataclass
class FoldModels:
    """The models and decisions of a cross-validation, kept in a folder.

    Attributes
    ----------
    store : the folder; it exists, and so does `EXCERPTS` in it
    files : all recordings, of which the folds are made
    identities : of these and of all others that are decided or train
    montage, extra : as for ``train``
    config : of every training
    progress : is told what goes on
    n_bytes : sizes of the models, float and compact
    """

    store: Path
    files: tuple[EegFile, ...]
    identities: Identities
    montage: str
    extra: tuple[str | Path, ...]
    config: SeizureConfig
    progress: Progress | None
    n_bytes: dict[str, list[int]] = field(default_factory=lambda: {"float": [], "compact": []})

    def float_model(self, fold: SeizureFold) -> FloatModel:
        """Train the model of a fold, or take it from the folder."""
        path = self._path(fold, "float", "safetensors")
        if not path.is_file():
            model, _ = train_seizure(self._records(fold), self.config, self.progress)
            told = {"fold": fold.name, "montage": self.montage, "subjects": sorted(by_subject(fold.train))}
            write_bytes(path, float_to_bytes(FloatFile("seizure", model, told)))
        found = load_float(path).model
        self.n_bytes["float"].append(found.net.n_float_bytes())
        return found

    def compact_model(self, fold: SeizureFold, recipe: Recipe) -> CompactModel:
        """Compress the model of a fold, or take it from the folder."""
        path = self._path(fold, str(recipe), "ictus")
        if not path.is_file():
            trained = prepare_training(self._records(fold), self.config)
            compact = compress_seizure(self.float_model(fold), trained, recipe, self.config, self.progress)
            write_bytes(path, to_bytes(compact))
        self.n_bytes["compact"].append(path.stat().st_size)
        return load_compact(path)

    def decided(self, fold: SeizureFold, kind: str, files: Sequence[EegFile], model: StagedModel) -> list[Decided]:
        """What the model of a fold says of recordings; None for `montage` where they choose themselves."""
        montage = self.montage if files is fold.test else None
        path = self._path(fold, f"{kind} {key_of(self.identities.of(files))}", "json")
        return stored_decisions(path, lambda: decide_files(files, model, montage, self.progress))

    def _records(self, fold: SeizureFold) -> list[EegRecord]:
        store = ExcerptStore(self.store / EXCERPTS, self.montage, self.identities, self.progress)
        return store.records(fold.train, self.files) + extra_excerpts(self.extra)

    def _path(self, fold: SeizureFold, kind: str, suffix: str) -> Path:
        trained = self.identities.of((*fold.train, *extra_files(self.extra)))
        key = key_of(trained, str(self.config), self.montage, kind)
        return self.store / f"{fold.name}-{key}.{suffix}"


def excerpts_of(files: Sequence[EegFile], montage: str, extra: Sequence[str | Path]) -> list[EegRecord]:
    """What trains: excerpts of each subject, and of further data sets."""
    records = [r for own in by_subject(files).values() for r in subject_excerpts(own, montage)]
    return records + extra_excerpts(extra)


def extra_files(extra: Sequence[str | Path]) -> tuple[EegFile, ...]:
    """Recordings of further data sets, each as one subject."""
    return tuple(replace(f, subject=Path(where).name) for where in extra for f in eeg_files(where))


def extra_excerpts(extra: Sequence[str | Path]) -> list[EegRecord]:
    """Excerpts of further data sets."""
    found: list[EegRecord] = []
    for where in extra:
        files = extra_files([where])
        note_data(Path(where).name, (f.path for f in files))
        found += subject_excerpts(files, None)
    return found
