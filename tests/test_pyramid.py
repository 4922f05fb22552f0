"""Channels of any length as they are drawn, and what is kept of them in the cache."""

import dataclasses
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.app.analyze.analysis import Analysis
from ictus.app.analyze.ecg import analyze
from ictus.app.dashboard.analysis_cache import cached_analysis, read_result, write_result
from ictus.app.dashboard.display_cache import DisplayCache
from ictus.app.dashboard.pyramid import Pyramid, build_pyramid, cached_pyramid, pyramid_by_key
from ictus.app.recording_facts import ModelFacts, recording_facts
from ictus.signals import SAMPLE_FOLDER, Channel, Lead, load
from ictus.signals.errors import InputError, UnanalysableError

ECG = SAMPLE_FOLDER / "mitdb" / "208.hea"
MODEL = ModelFacts("m", "0", "00" * 32)


@pytest.fixture
def cache(tmp_path: Path) -> DisplayCache:
    return DisplayCache(tmp_path / "cache")


def _lead(counts: np.ndarray, piece: int, invalid: np.ndarray | None = None, gain: float = 200.0) -> Lead:
    def pieces():
        for start in range(0, len(counts), piece):
            rows = slice(start, start + piece)
            yield counts[rows], None if invalid is None else invalid[rows]

    return Lead("made", 100.0, len(counts), Channel("II", "mV", gain, 3.0), pieces)


def _built(lead: Lead, folder: Path) -> Pyramid:
    folder.mkdir(parents=True, exist_ok=True)
    build_pyramid(lead, folder)
    return Pyramid.open(folder)


def test_every_sample_of_a_recording_comes_back_as_it_is(cache):
    recording = load(ECG)
    pyramid = cached_pyramid(cache, recording_facts(ECG), ECG, "V1")
    assert (pyramid.fs_hz, pyramid.n_samples, pyramid.channel) == (360.0, 108_000, recording.channels[1])
    time_s, values = pyramid.samples(10.0, 20.0)
    np.testing.assert_array_equal(values, recording.physical(1)[3600:7200])
    assert (time_s[0], time_s[-1]) == (10.0, 7199 / 360)


@settings(max_examples=40)
@given(st.integers(1, 30_000), st.integers(60, 5000), st.integers(0, 2**32 - 1), st.sampled_from([200.0, -5.0]))
def test_a_view_holds_the_extremes_of_what_it_spans_and_no_more_points_than_asked_for(n, piece, seed, gain):
    rng = np.random.default_rng(seed)
    counts, invalid = rng.integers(-2000, 2000, n).astype(np.int16), rng.random(n) < 0.3
    with TemporaryDirectory() as folder:
        pyramid = _built(_lead(counts, piece, invalid, gain), Path(folder))
        view = pyramid.view(0, n / 100, max_points=200)
        values = pyramid.samples(0, n / 100)[1]
    assert len(view.line()[0]) <= 200
    assert (np.diff(view.time_s) > 0).all()
    np.testing.assert_array_equal(np.isnan(values), invalid)
    if not invalid.all():
        assert (np.nanmin(view.low), np.nanmax(view.high)) == (np.nanmin(values), np.nanmax(values))


def test_a_gap_stays_a_gap_at_every_zoom(tmp_path):
    invalid = np.zeros(400_000, np.bool_)
    invalid[100_000:200_000] = True
    pyramid = _built(_lead(np.zeros(400_000, np.int16), 1 << 16, invalid), tmp_path / "p")
    for span in (4000.0, 1500.0):
        view = pyramid.view(0, span)
        inside = (view.time_s > 1010) & (view.time_s < min(1990, span))
        assert np.isnan(view.low[inside]).all()
        assert not np.isnan(view.low[view.time_s < 990]).any()


def test_a_day_is_built_in_one_pass_and_any_view_of_it_answers_at_once(tmp_path):
    n, readings = 24 * 3600 * 250, []

    def pieces():
        readings.append(1)
        wave = (np.sin(np.arange(1 << 18) / 40) * 300).astype(np.int16)
        for start in range(0, n, len(wave)):
            yield wave[: n - start], None

    pyramid = _built(Lead("day", 250.0, n, Channel("II", "mV", 200.0), pieces), tmp_path / "p")
    assert readings == [1]
    began = time.process_time()
    for start_s, span_s in [(0, 86_400), (40_000, 3600), (3, 60), (80_000, 10), (86_390, 100), (-5, 10)]:
        view = pyramid.view(start_s, start_s + span_s)
        assert 0 < len(view.line()[0]) <= 2000
    assert time.process_time() - began < 0.5


def test_what_lies_outside_a_recording_is_empty(tmp_path):
    pyramid = _built(_lead(np.arange(50, dtype=np.int16), 50), tmp_path / "p")
    assert len(pyramid.view(10, 20).time_s) == 0
    assert len(pyramid.view(0.3, 0.1).time_s) == 0
    with pytest.raises(UnanalysableError, match="no samples"):
        _built(_lead(np.empty(0, np.int16), 50), tmp_path / "q")


def test_an_analysis_comes_back_from_the_cache_as_it_went_in(cache):
    facts, computed = recording_facts(ECG), []

    def compute() -> Analysis:
        computed.append(analyze(ECG))
        return computed[-1]

    first = cached_analysis(cache, facts, MODEL, Analysis, compute)
    second = cached_analysis(cache, facts, MODEL, Analysis, compute)
    assert len(computed) == 1
    assert (second.beats, second.events, second.not_analysable) == (
        first.beats,
        first.events,
        first.not_analysable,
    )
    np.testing.assert_array_equal(second.summary.trend.mean_bpm, first.summary.trend.mean_bpm)
    assert second.summary.n_by_class == first.summary.n_by_class
    cached_analysis(cache, facts, dataclasses.replace(MODEL, sha256="11" * 32), Analysis, compute)
    assert len(computed) == 2


@dataclasses.dataclass(frozen=True)
class _Inner:
    x: np.ndarray
    name: str | None


@dataclasses.dataclass(frozen=True)
class _Outer:
    parts: tuple[_Inner, ...]
    by_name: dict[str, float]
    pair: tuple[int, str]
    missing: float


def test_a_result_of_dataclasses_arrays_and_plain_values_is_kept_whole(tmp_path):
    value = _Outer(
        (_Inner(np.array([1, 2], np.int8), None), _Inner(np.zeros((0, 3)), "b")), {"a": 1.5}, (3, "c"), np.nan
    )
    write_result(tmp_path, value)
    found = read_result(tmp_path, _Outer)
    assert found.parts[0].x.dtype == np.int8
    assert found.parts[1].x.shape == (0, 3)
    assert (found.parts[0].name, found.parts[1].name, found.by_name, found.pair) == (
        None,
        "b",
        {"a": 1.5},
        (3, "c"),
    )
    assert np.isnan(found.missing)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", bytes(10)])
def test_a_damaged_folder_is_built_again(cache, tmp_path, content):
    lead = _lead(np.arange(5000, dtype=np.int16), 50)
    pyramid_by_key(cache, "k", lambda: lead)
    (head,) = (tmp_path / "cache").glob("*/channel.json")
    head.write_bytes(content)
    assert pyramid_by_key(cache, "k", lambda: lead).n_samples == 5000
    (level,) = (tmp_path / "cache").glob("*/level0")
    level.write_bytes(bytes(12))
    assert pyramid_by_key(cache, "k", lambda: lead).n_samples == 5000


def _fill(part: Path, size: int = 1000) -> None:
    (part / "x").write_bytes(bytes(size))


def test_nothing_is_kept_of_what_fails(cache, tmp_path):
    def fail(part: Path) -> None:
        _fill(part)
        raise InputError("no such channel")

    with pytest.raises(InputError, match="no such channel"):
        cache.folder("k", fail)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    cache = DisplayCache(tmp_path / "cache", max_bytes=2500)
    first = cache.folder("first", _fill)
    second = cache.folder("second", _fill)
    for folder, age_s in ((first, 100), (second, 50)):
        stamp = time.time() - age_s
        os.utime(folder, (stamp, stamp))
    assert cache.folder("first", _fill) == first
    third = cache.folder("third", _fill)
    assert first.is_dir()
    assert third.is_dir()
    assert not second.exists()


def _make(root: Path) -> list[str]:
    cache = DisplayCache(root, max_bytes=5000)
    found = []
    for i in range(60):
        folder = cache.folder(f"key {i % 8}", _fill)
        try:
            found.append(str(len((folder / "x").read_bytes())))
        except FileNotFoundError:
            found.append("gone")  # the other program made room
    return found


def test_two_programs_share_a_cache_and_never_see_half_a_folder(tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        results = list(pool.map(_make, [tmp_path / "cache"] * 2))
    assert {size for found in results for size in found} <= {"1000", "gone"}
    assert sum(p.stat().st_size for p in (tmp_path / "cache").glob("*/x")) <= 6000


def test_a_cache_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/cache: the cache cannot be written"):
        DisplayCache(tmp_path / "file" / "cache").folder("k", _fill)
