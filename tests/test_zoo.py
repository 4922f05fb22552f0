"""The trained model that comes with the package."""

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from ictus.app.cli import main
from ictus.app.verbs import ZOO, load_model
from ictus.compression import CompactModel, to_bytes
from ictus.models import decide, prepare_record
from ictus.signals import SAMPLE_FOLDER, find_dataset, inter_patient_split, load

N_WINDOWS = 2000
needs_wearable = pytest.mark.skipif(
    find_spec("unicorn") is None or find_spec("ziglang") is None, reason="needs the extra ictus[wearable]"
)


@pytest.fixture(scope="module")
def model() -> CompactModel:
    loaded = load_model()
    assert isinstance(loaded.model, CompactModel)
    return loaded.model


@pytest.fixture(scope="module")
def golden():
    """Real windows of the sample's test patients."""
    from ictus.app.wearable.firmware import golden_vectors
    from ictus.firmware_export import GoldenVectors

    found = find_dataset()
    names = inter_patient_split(found.records).test
    records = [prepare_record(load(found.path(name))) for name in names]
    return GoldenVectors.concatenate([golden_vectors(r, -(-N_WINDOWS // len(names))) for r in records])


@needs_wearable
def test_every_witness_agrees_on_two_thousand_real_windows(model, golden):
    from ictus.firmware_export import call_witnesses

    witnesses = call_witnesses(model, golden)
    assert [w.n_units >= N_WINDOWS for w in witnesses] == [True] * len(witnesses)
    assert {w.name: w.n_different for w in witnesses} == dict.fromkeys((w.name for w in witnesses), 0)
    assert len(witnesses) >= 2


@needs_wearable
@pytest.mark.parametrize("stage", ["gate", "screen", "specialist"])
def test_one_changed_weight_code_is_noticed_on_real_windows(model, golden, stage):
    changed = _with_one_other_code(model, stage)
    before = model.run(golden.features, golden.window, golden.context)
    after = changed.run(golden.features, golden.window, golden.context)
    assert (before[stage] != after[stage]).any()
    assert to_bytes(changed) != to_bytes(model)


def _with_one_other_code(model: CompactModel, name: str) -> CompactModel:
    """Turn the sign of the first surviving weight of the stage's exit."""
    stages = list(model.stages)
    index = [stage.name for stage in stages].index(name)
    exit_layer = stages[index].layers[-1]
    codes = exit_layer.codes.copy()
    row, column = np.argwhere(codes)[0]
    codes[row, column] = (codes[row, column] + 3) % 8 + 1
    layers = (*stages[index].layers[:-1], replace(exit_layer, codes=codes))
    stages[index] = replace(stages[index], layers=layers)
    return replace(model, stages=tuple(stages))


def test_the_card_tells_size_training_and_figures(model, capsys):
    assert main(["compress", "beat", "--describe", "--json", "-"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["compressed"]["bytes"] == len(to_bytes(model)) == (ZOO / "beat.ictus").stat().st_size
    assert card["ratio"] == pytest.approx(card["baseline"]["bytes"] / card["compressed"]["bytes"])
    assert card["compressed"]["bytes"] <= 4096
    assert card["provenance"]["split"] == "inter"
    assert card["provenance"]["dataset"] == "mitdb"


def test_it_finds_the_ventricular_beats_of_an_unseen_patient(model):
    record = prepare_record(load(SAMPLE_FOLDER / "mitdb" / "200.hea"))
    decisions = decide(model, record)
    ventricular = record.label == 2
    assert ventricular.sum() > 50
    assert (decisions.label[ventricular] == 2).mean() > 0.85
    assert (decisions.label[record.label == 0] == 0).mean() > 0.85


def test_it_is_what_analyze_uses_unless_told_otherwise():
    import ictus

    analysis = ictus.analyze(ictus.load(SAMPLE_FOLDER / "mitdb" / "200"))
    assert analysis.n_by_class["V"] > 100


def test_evaluating_it_on_the_sample_uses_unseen_patients_only(capsys):
    assert main(["evaluate", "beat", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["records"]) == set(inter_patient_split(find_dataset().records).test)
    assert result["accuracy"] > 0.8
    assert (result["split"], result["peaks"]) == ("inter", "detected")
    assert result["model_bytes"] == (ZOO / "beat.ictus").stat().st_size


def test_it_refuses_to_be_scored_on_beats_of_its_training_patients(capsys):
    assert main(["evaluate", "beat", "--split", "intra"]) == 2
    assert "was trained on the inter split" in capsys.readouterr().err
