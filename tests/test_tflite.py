"""The `.tflite` files decide exactly as the integer reference does."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.firmware_export.tflite.writer import tflite_files, write_tflite
from ictus.signals import SAMPLE_FOLDER, beat_windows, detect_qrs, gate_features, load, to_device
from ictus.signals.errors import InputError

CODES = np.arange(9, dtype=np.uint8)
N_FEATURES, N_CONTEXT, WINDOW = 6, 5, (24, 2)  # of random models


def random_layer(
    rng: np.random.Generator, shape: tuple[int, int], step: int, out_length: int, relu: bool, context: bool = False
) -> CompactLayer:
    channels, taps = shape
    codes = rng.choice(CODES, (channels, taps + N_CONTEXT * context))
    codes[rng.random(codes.shape) < 0.5] = 0
    bias = rng.integers(-128, 128, channels, dtype=np.int8)
    shift = rng.integers(0, 16, channels, dtype=np.uint8)
    return CompactLayer(codes, bias, shift, step, out_length, relu, context)


def random_model(seed: int) -> CompactModel:
    """Window 24x2 -> k5 s2 (10x4), kept -> k3 s1 (8x6) -> dense with context -> five logits."""
    rng = np.random.default_rng(seed)
    gate = (random_layer(rng, (8, N_FEATURES), 1, 1, True), random_layer(rng, (1, 8), 1, 1, False))
    screen = (
        random_layer(rng, (4, 10), 4, 10, True),
        random_layer(rng, (3, 40), 1, 1, True, context=True),
        random_layer(rng, (1, 3), 1, 1, False),
    )
    specialist = (
        random_layer(rng, (6, 12), 4, 8, bool(rng.integers(2))),
        random_layer(rng, (7, 48), 1, 1, True, context=True),
        random_layer(rng, (5, 7), 1, 1, False),
    )
    stages = (
        CompactStage("gate", "features", gate),
        CompactStage("screen", "window", screen, n_kept=1, threshold=-3),
        CompactStage("specialist", "kept", specialist),
    )
    return CompactModel("beat", N_FEATURES, WINDOW, N_CONTEXT, stages)


def random_inputs(seed: int, n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"features": (n, N_FEATURES), "window": (n, *WINDOW), "context": (n, N_CONTEXT)}
    return {name: rng.integers(-128, 128, shape, dtype=np.int8) for name, shape in shapes.items()}


def runner(data: bytes, resolver: str) -> Callable[..., dict[str, np.ndarray]]:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    kind = interpreter.OpResolverType[resolver]
    return interpreter.Interpreter(model_content=data, experimental_op_resolver_type=kind).get_signature_runner()


def run_files(model: CompactModel, inputs: dict[str, np.ndarray], resolver: str) -> dict[str, np.ndarray]:
    """Logits of every stage, as `CompactModel.run` gives them, from an interpreter."""
    files = tflite_files(model)
    gate, beat = runner(files["gate.tflite"], resolver), runner(files["beat.tflite"], resolver)
    units = zip(inputs["features"], inputs["window"], inputs["context"], strict=True)
    rows = [gate(features=f[None]) | beat(window=w[None, :, None, :], context=c[None]) for f, w, c in units]
    return {name: np.concatenate([row[name] for row in rows]) for name in ("gate", "screen", "specialist")}


@pytest.mark.parametrize("resolver", ["BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "AUTO"])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_exit_equals_the_integer_reference(resolver: str, seed: int) -> None:
    model, inputs = random_model(seed), random_inputs(seed, 40)
    expected = model.run(inputs["features"], inputs["window"], inputs["context"])
    found = run_files(model, inputs, resolver)
    for name, logits in expected.items():
        np.testing.assert_array_equal(found[name], logits, err_msg=name)


def single_layer_model(layer: CompactLayer, n_inputs: int) -> CompactModel:
    """The layer under test is the gate; screen and specialist only make the model whole."""
    tail = CompactLayer(np.ones((1, 2), np.uint8), np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 1, False)
    stages = (
        CompactStage("gate", "features", (layer,)),
        CompactStage("screen", "window", (tail,)),
        CompactStage("specialist", "window", (tail,)),
    )
    return CompactModel("beat", n_inputs, (2, 1), 1, stages)


def real_model(inputs: dict[str, np.ndarray]) -> CompactModel:
    """Random weights for real inputs, on such scales that logits spread and seldom saturate."""
    rng = np.random.default_rng(0)
    n_context = inputs["context"].shape[1]

    def layer(channels: int, taps: int, step: int, out_length: int, shift: int, relu: bool = True) -> CompactLayer:
        codes = rng.integers(1, 9, (channels, taps)) * (rng.random((channels, taps)) < (0.3 if taps > 12 else 1))
        bias = rng.integers(-9, 9, channels, dtype=np.int8)
        shifts = np.full(channels, shift, np.uint8)
        takes_context = out_length == 1 and taps > 250
        return CompactLayer(codes.astype(np.uint8), bias, shifts, step, out_length, relu, takes_context)

    n_features = inputs["features"].shape[1]
    gate = (layer(6, n_features, 1, 1, 5), layer(1, 6, 1, 1, 1, relu=False))
    screen = (
        layer(8, 14, 6, 30, 4),  # kernel 7, stride 3; one more output would fit behind the last
        layer(6, 240 + n_context, 1, 1, 6),
        layer(1, 6, 1, 1, 1, relu=False),
    )
    specialist = (layer(9, 40, 16, 13, 5), layer(12, 117, 1, 1, 5), layer(5, 12, 1, 1, 2, relu=False))
    stages = (
        CompactStage("gate", "features", gate),
        CompactStage("screen", "window", screen, n_kept=1),
        CompactStage("specialist", "kept", specialist),
    )
    return CompactModel("beat", n_features, inputs["window"].shape[1:], n_context, stages)


@pytest.mark.parametrize("resolver", ["BUILTIN_REF", "AUTO"])
def test_real_beats_decide_alike(resolver: str) -> None:
    """MIT-BIH record 200, ventricular bigeminy: its detected beats and its seconds."""
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "200")).counts
    beats = beat_windows(counts, detect_qrs(counts).peak)
    inputs = {"features": gate_features(counts)[beats.block], "window": beats.window, "context": beats.context}
    model = real_model(inputs)
    expected = model.run(**inputs)
    found = run_files(model, inputs, resolver)
    assert len(beats) > 200
    for name, logits in expected.items():
        assert len(np.unique(logits)) > 3, name
        np.testing.assert_array_equal(found[name], logits, err_msg=name)


@pytest.mark.parametrize("resolver", ["BUILTIN_REF", "AUTO"])
@pytest.mark.parametrize("code", [1, 3, 4, 5, 8])
def test_halves_round_up_on_both_sides_of_zero(resolver: str, code: int) -> None:
    """One tap, every int8 input, every shift: all ties that the shifts up to 7 can have are among them."""
    shift = np.arange(16, dtype=np.uint8)
    layer = CompactLayer(np.full((16, 1), code, np.uint8), np.zeros(16, np.int8), shift, 1, 1, False)
    features = np.arange(-128, 128).astype(np.int8)[:, None]
    gate = runner(tflite_files(single_layer_model(layer, 1))["gate.tflite"], resolver)
    found = np.concatenate([gate(features=row[None])["gate"] for row in features])
    np.testing.assert_array_equal(found, layer.run(features))


@pytest.mark.parametrize("resolver", ["BUILTIN_REF", "AUTO"])
def test_the_largest_sums_stay_exact(resolver: str) -> None:
    """2,000 weights of +-8: sums up to 2^21, where the multiplier's float32 mantissa begins to matter."""
    rng = np.random.default_rng(1)
    codes = np.tile(np.array([[4], [8]], np.uint8), (8, 2000))
    shift = np.repeat(np.arange(7, 15, dtype=np.uint8), 2)
    layer = CompactLayer(codes, rng.integers(-128, 128, 16).astype(np.int8), shift, 1, 1, False)
    level = rng.uniform(-128, 128, (200, 1))
    features = np.clip(level + rng.normal(0, 3, (200, 2000)), -128, 127).astype(np.int8)
    gate = runner(tflite_files(single_layer_model(layer, 2000))["gate.tflite"], resolver)
    found = np.concatenate([gate(features=row[None])["gate"] for row in features])
    np.testing.assert_array_equal(found, layer.run(features))


def test_signatures_name_what_a_gateway_feeds_and_reads() -> None:
    files = tflite_files(random_model(0))
    assert runner(files["gate.tflite"], "BUILTIN_REF").get_input_details().keys() == {"features"}
    beat = runner(files["beat.tflite"], "BUILTIN_REF")
    assert beat.get_input_details()["window"]["shape"].tolist() == [1, 24, 1, 2]
    assert beat.get_input_details()["window"]["quantization"] == (2.0**-5, 0)
    assert beat.get_output_details()["specialist"]["quantization"] == (2.0**-3, 0)


def test_the_same_model_gives_the_same_bytes() -> None:
    assert tflite_files(random_model(3)) == tflite_files(random_model(3))


def test_files_appear_only_when_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(InputError, match="No space left"):
        write_tflite(random_model(0), tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_files_are_written_into_a_new_folder(tmp_path: Path) -> None:
    gate, beat = write_tflite(random_model(0), tmp_path / "new")
    assert (gate.name, beat.name) == ("gate.tflite", "beat.tflite")
    assert gate.read_bytes()[4:8] == b"TFL3"


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    with pytest.raises(InputError, match=r"pip install 'ictus\[tflite\]'"):
        tflite_files(random_model(0))


def test_a_layer_that_is_no_convolution_is_refused() -> None:
    odd = CompactLayer(np.ones((1, 3), np.uint8), np.zeros(1, np.int8), np.zeros(1, np.uint8), 2, 3, True)
    model = random_model(0)
    stages = (model.stages[0], CompactStage("screen", "window", (odd,)), model.stages[2])
    with pytest.raises(InputError, match="screen/1: 3 taps, step 2, 3 outputs on 24 x 2"):
        tflite_files(CompactModel("beat", N_FEATURES, WINDOW, N_CONTEXT, stages))


def random_stream_model(seed: int) -> CompactModel:
    """Rows of 2 -> k5 s2 (4) -> k3 s1 (6), pooled -> dense with context -> two logits; a screen of the context."""
    rng = np.random.default_rng(seed)
    pooled = dataclasses.replace(random_layer(rng, (6, 12), 4, 0, True), pools=True)
    gate = (random_layer(rng, (1, N_FEATURES), 1, 1, False),)
    screen = random_layer(rng, (4, N_CONTEXT), 1, 1, True), random_layer(rng, (1, 4), 1, 1, False)
    specialist = (
        random_layer(rng, (4, 10), 4, 0, bool(rng.integers(2))),
        pooled,
        random_layer(rng, (7, 12), 1, 1, True, context=True),
        random_layer(rng, (2, 7), 1, 1, False),
    )
    stages = (
        CompactStage("gate", "features", gate),
        CompactStage("screen", "context", screen, threshold=-3),
        CompactStage("specialist", "stream", specialist),
    )
    return CompactModel("seizure", N_FEATURES, (0, 2), N_CONTEXT, stages)


@pytest.mark.parametrize("resolver", ["BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "AUTO"])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(9, 300))
def test_a_stream_of_any_one_length_equals_the_integer_reference(resolver: str, seed: int, n_rows: int) -> None:
    model, inputs = random_stream_model(seed), random_inputs(seed, 20)
    window = np.random.default_rng(seed).integers(-128, 128, (20, n_rows, 2), dtype=np.int8)
    expected = model.run(inputs["features"], window, inputs["context"])
    run = runner(tflite_files(model, n_rows)["seizure.tflite"], resolver)
    units = zip(window, inputs["context"], strict=True)
    rows = [run(window=w[None, :, None, :], context=c[None]) for w, c in units]
    for name in ("screen", "specialist"):
        found = np.concatenate([row[name] for row in rows])
        np.testing.assert_array_equal(found, expected[name], err_msg=name)


@pytest.mark.parametrize("n_positions", [1, 2, 3, 27, 28, 57])
def test_every_mean_is_rounded_as_on_the_device(n_positions: int) -> None:
    weight = CompactLayer(np.full((1, 1), 1, np.uint8), np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 0, True)
    head = CompactLayer(np.array([[1, 0]], np.uint8), np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 1, False)
    specialist = CompactStage("specialist", "stream", (dataclasses.replace(weight, pools=True), head))
    stages = *random_stream_model(0).stages[:2], specialist
    run = runner(
        tflite_files(CompactModel("seizure", 6, (0, 1), 5, stages), n_positions)["seizure.tflite"], "AUTO"
    )
    for total in range(127 * n_positions + 1):
        window = (total // n_positions + (np.arange(n_positions) < total % n_positions)).astype(np.int8)
        found = run(window=window[None, :, None, None], context=np.zeros((1, N_CONTEXT), np.int8))["specialist"][
            0, 0
        ]
        assert found == (2 * total + n_positions) // (2 * n_positions)


def test_the_c_array_is_the_file(tmp_path: Path) -> None:
    """What a user of TensorFlow Lite for Microcontrollers compiles in."""
    paths = write_tflite(random_model(0), tmp_path, with_arrays=True)
    files = {path.name: path.read_bytes() for path in paths}
    assert sorted(files) == ["beat.tflite", "beat_tflite.h", "gate.tflite", "gate_tflite.h"]
    for name in ("gate", "beat"):
        text = files[f"{name}_tflite.h"].decode()
        body = text[text.index("{") + 1 : text.index("}")]
        assert bytes(int(word, 16) for word in body.replace(",", " ").split()) == files[f"{name}.tflite"]


def test_weights_that_three_times_as_large_leave_int8_are_refused() -> None:
    codes = np.array([[8]], np.uint8)  # 2^7 of eight exponents
    layer = CompactLayer(codes, np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 1, False, n_exponents=8)
    with pytest.raises(InputError, match=r"gate/1: weights of up to 128, .* at most 42"):
        tflite_files(single_layer_model(layer, 1))
