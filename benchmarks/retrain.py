"""Train and compress a model of the zoo again, from the raw recordings, and compare it with the one that is there.

    python benchmarks/retrain.py beat|rhythm|seizure|alarm [--out DIR] [--save]

Runs `ictus train` and `ictus compress`, prints whether weights and compact model are the same bytes as the zoo's,
and the figures of both. --save puts what came out into models/zoo, with its origin on the card: command, seed,
hash of the split, hash of every database's files, and the version of the program. Data from $ICTUS_DATA, as
`ictus data fetch` leaves them; one process, one seed (0).
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import vf_alarm
from ictus.app.cli import main as ictus
from ictus.models.alarm_model import ALARM_ZOO
from ictus.models.alarm_train import fit_alarm
from ictus.models.weights import load_float
from ictus.signals import find_dataset

from ictus import __version__

__all__ = ["MODELS", "ZooModel", "data_sha256", "origin_of"]

ZOO = ALARM_ZOO.parent
SEED = 0
_READ = {".hea", ".dat", ".mat", ".atr", ".edf", ".seizures"}
_LABELS = ("REFERENCE*.csv", "clips.csv")


@dataclass(frozen=True)
class ZooModel:
    """How a model of the zoo comes about.

    Attributes
    ----------
    train, compress : arguments of `ictus`, without files
    data : the databases that are read, those of the gate among them
    """

    train: tuple[str, ...]
    compress: tuple[str, ...]
    data: tuple[str, ...]


MODELS = {
    "beat": ZooModel(
        ("beat", "--data", "mitdb", "--extra", "svdb"),
        ("--data", "mitdb"),
        ("mitdb", "svdb", "nstdb", "cudb", "cinc2017"),
    ),
    "rhythm": ZooModel(("rhythm", "--data", "cinc2017"), ("--data", "cinc2017"), ("cinc2017",)),
    "seizure": ZooModel(("seizure", "--data", "chbmit", "--split", "all"), ("--data", "chbmit"), ("chbmit",)),
}
_ALARM_DATA = ("cudb", "mitdb")


def retrain(name: str, out: Path) -> bool:
    """Train and compress into a folder; whether the result is the zoo's."""
    weights, compact = out / f"{name}.safetensors", out / f"{name}.ictus"
    how = MODELS[name]
    _call("train", *how.train, "--seed", str(SEED), "--out", str(weights))
    _call("compress", str(weights), *how.compress, "--out", str(compact))
    same_weights = _tensors_are_equal(weights, ZOO / weights.name)
    same_bytes = compact.read_bytes() == (ZOO / compact.name).read_bytes()
    print(f"{weights.name}: {'the same weights as' if same_weights else 'other weights than'} the zoo's")
    print(f"{compact.name}: {'the same bytes as' if same_bytes else 'other bytes than'} the zoo's")
    _print_figures(_card(compact), _card(ZOO / compact.name))
    return same_weights and same_bytes


def retrain_alarm() -> bool:
    """Fit the alarm on all recordings; whether the result is the zoo's."""
    model = fit_alarm([record for name in _ALARM_DATA for record in vf_alarm.read(name)])
    is_same = model.to_json() == json.loads(ALARM_ZOO.read_text(encoding="utf-8"))["model"]
    print(f"{ALARM_ZOO.name}: {'the same weights as' if is_same else 'other weights than'} the zoo's")
    return is_same


def save(name: str, out: Path) -> None:
    """Put the result into the zoo; the card says where it comes from."""
    card = _card(out / f"{name}.ictus") | {
        "origin": origin_of(name, load_float(out / f"{name}.safetensors").provenance)
    }
    for suffix in ("safetensors", "ictus"):
        shutil.copyfile(out / f"{name}.{suffix}", ZOO / f"{name}.{suffix}")
    _write(ZOO / f"{name}.ictus.json", card)


def save_alarm() -> None:
    """Score it, write it and its card with `vf_alarm.py --save`; then the card's origin."""
    subprocess.run([sys.executable, vf_alarm.__file__, "--save"], check=True)
    card = json.loads(ALARM_ZOO.read_text(encoding="utf-8"))
    _write(ALARM_ZOO, {"origin": origin_of("alarm", {})} | card, indent=1)


def origin_of(name: str, provenance: dict[str, Any]) -> dict[str, Any]:
    """What the card of a model that was just trained says of where it comes from."""
    data = MODELS[name].data if name in MODELS else _ALARM_DATA
    return {
        "command": f"python benchmarks/retrain.py {name}",
        "seed": provenance.get("seed", SEED),
        "split_sha256": provenance.get("split_sha256") or _hash_of_all(data),
        "data_sha256": {dataset: data_sha256(dataset) for dataset in data},
        "code_version": __version__,
    }


def data_sha256(name: str) -> str:
    """Hash of the names and contents of the files of a database that training reads, whatever else lies there."""
    found = find_dataset(name)
    recordings = {Path(record).name for record in found.records}
    files = {p for p in found.folder.rglob("*") if p.suffix in _READ and p.name.partition(".")[0] in recordings}
    files |= {path for pattern in _LABELS for path in found.folder.rglob(pattern)}
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.name):
        with path.open("rb") as opened:
            digest.update(f"{path.name} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _hash_of_all(data: tuple[str, ...]) -> str:
    """The split of a model that was trained on everything: the names of all recordings."""
    said = {name: list(find_dataset(name).records) for name in data}
    return hashlib.sha256(json.dumps({"name": "all", "train": said}, sort_keys=True).encode()).hexdigest()


def _call(*arguments: str) -> None:
    print(f"ictus {' '.join(arguments)}", flush=True)
    if status := ictus(arguments):
        sys.exit(status)


def _tensors_are_equal(file: Path, other: Path) -> bool:
    a, b = (load_float(path).model for path in (file, other))
    ours, theirs = a.net.state_dict(), b.net.state_dict()
    return (
        a.thresholds == b.thresholds
        and ours.keys() == theirs.keys()
        and all(torch.equal(ours[key], theirs[key]) for key in ours)
    )


def _print_figures(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    print("                    accuracy  macro F1   bytes")
    for side, card in (("now", ours), ("the zoo", theirs)):
        for form in ("baseline", "compressed"):
            s = card[form]
            print(f"{form:11s} {side:8s} {100 * s['accuracy']:7.2f} {100 * s['macro_f1']:9.2f} {s['bytes']:7d}")


def _card(compact: Path) -> dict[str, Any]:
    return json.loads(compact.with_name(f"{compact.name}.json").read_text(encoding="utf-8"))


def _write(path: Path, card: dict[str, Any], indent: int = 2) -> None:
    path.write_text(json.dumps(card, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Retrain one model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=[*MODELS, "alarm"])
    parser.add_argument("--out", type=Path, default=Path("out/zoo"), help="default: %(default)s")
    parser.add_argument("--save", action="store_true", help="replace the zoo's model and card")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.model == "alarm":
        retrain_alarm()
        if arguments.save:
            save_alarm()
        return
    retrain(arguments.model, arguments.out)
    if arguments.save:
        save(arguments.model, arguments.out)


if __name__ == "__main__":
    main()
