"""Same seed, same machine, same bytes; and every model of the zoo says how to make it again."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from ictus.app.cli import main
from ictus.data_scripts.checksums import parse_sums, sha256_of
from ictus.models.weights import load_float
from ictus.signals import inter_patient_split
from ictus.signals.datasets import DATASETS
from packaging.version import Version

import ictus

ROOT = Path(__file__).resolve().parent.parent
ZOO = ROOT / "models" / "zoo"
NETWORKS = ("beat", "rhythm", "seizure")
CARDS = {name: ZOO / f"{name}.ictus.json" for name in NETWORKS} | {"alarm": ZOO / "alarm.json"}
SHA256 = re.compile(r"[0-9a-f]{64}")
TIMES = {"seconds", "elapsed_s", "created", "duration_s", "date", "time"}


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_times(below) for key, below in value.items() if key not in TIMES}
    return [_without_times(below) for below in value] if isinstance(value, list) else value


@pytest.mark.skipif(
    find_spec("unicorn") is None or find_spec("ziglang") is None, reason="needs the extra ictus[wearable]"
)
def test_two_runs_leave_the_same_bytes_from_training_to_firmware(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):  # each in a process of its own: nothing is left over from the other
        argv = ["run", "--quick", "--out", str(folder)]
        run = f"from ictus.app.cli import main; raise SystemExit(main({argv!r}))"
        subprocess.run([sys.executable, "-c", run], check=True, timeout=600, stdout=subprocess.DEVNULL)
    ours, theirs = _files(first), _files(second)
    reports = {name for name in ours if name.startswith("report.")}
    assert ours.keys() == theirs.keys()
    assert [name for name in ours.keys() - reports if ours[name] != theirs[name]] == []
    assert {"beat-inter.safetensors", "beat-inter.ictus", "firmware/src/ictus_model_data.c"} < ours.keys()
    said = [_without_times(json.loads(files["report.json"])) for files in (ours, theirs)]
    assert said[0] == said[1]


def test_an_export_is_the_same_bytes_again(tmp_path):
    for folder in ("first", "second"):
        assert main(["export", "seizure", "--format", "c", "--out", str(tmp_path / folder)]) == 0
    assert _files(tmp_path / "first") == _files(tmp_path / "second")


@pytest.mark.parametrize("name", CARDS)
def test_a_card_states_command_seed_split_data_and_code(name):
    origin = json.loads(CARDS[name].read_text(encoding="utf-8"))["origin"]
    assert origin["command"] == f"python benchmarks/retrain.py {name}"
    assert origin["seed"] == 0
    assert SHA256.fullmatch(origin["split_sha256"])
    assert origin["data_sha256"]
    assert set(origin["data_sha256"]) <= set(DATASETS)
    assert all(SHA256.fullmatch(digest) for digest in origin["data_sha256"].values())
    assert Version(origin["code_version"]) <= Version(ictus.__version__)


def test_every_file_of_the_zoo_belongs_to_a_card_with_one_documented_command():
    names = {p.name for p in ZOO.iterdir() if p.is_file() and not p.name.startswith(".")}
    belonging = {f"{task}.{kind}" for task in NETWORKS for kind in ("safetensors", "ictus", "ictus.json")}
    curves = {name for name in names if name.endswith(".curve.json")}
    assert names == belonging | curves | {"alarm.json", "SHA256SUMS.txt"}
    commands = [json.loads(path.read_text(encoding="utf-8"))["origin"]["command"] for path in CARDS.values()]
    commands += [json.loads((ZOO / name).read_text(encoding="utf-8"))["made_by"] for name in curves]
    documented = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    for command in commands:
        assert (ROOT / command.split()[1]).is_file(), command
        assert documented.count(f"{command}\n") + documented.count(f"{command}  ") == 1, command


@pytest.mark.parametrize("task", NETWORKS)
def test_the_card_and_the_weights_tell_the_same_origin(task):
    provenance = load_float(ZOO / f"{task}.safetensors").provenance
    card = json.loads(CARDS[task].read_text(encoding="utf-8"))
    assert {key: card["provenance"][key] for key in provenance} == provenance
    assert card["origin"]["seed"] == provenance["seed"]
    assert provenance["dataset"] in card["origin"]["data_sha256"]
    assert card["origin"]["split_sha256"] == provenance.get("split_sha256", card["origin"]["split_sha256"])


def test_the_beats_split_is_the_published_one():
    card = json.loads(CARDS["beat"].read_text(encoding="utf-8"))
    known = [p.stem for p in (ROOT / "signals" / "sample" / "mitdb").glob("*.hea")]
    trained_on = set(card["provenance"]["recordings"])
    assert not trained_on & set(inter_patient_split(tuple(sorted(known))).test)


def test_the_list_of_checksums_is_that_of_the_files():
    sums = parse_sums((ZOO / "SHA256SUMS.txt").read_text(encoding="ascii"), "the zoo")
    assert {name: sha256_of(ZOO / name) for name in sums} == sums
