"""Any file is read, or refused in one line, by every reader; and the judge would notice if it were not so."""

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.signals.errors import InputError, one_line, quoted

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))  # the fuzzer's parts are no package

from fuzz_mutation import Parts, changed, pack, smaller, unpack
from fuzz_oracle import Case, Oracle, memory_limit
from fuzz_targets import TARGETS

GB = 1_000_000_000


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    judge = Oracle()
    yield judge
    judge.close()


@cache
def seeds(reader: str) -> list[Parts]:
    return [s for s in TARGETS[reader].seeds() if sum(map(len, s)) <= TARGETS[reader].limit][:12]


@pytest.mark.parametrize("reader", TARGETS)
def test_what_the_fuzzer_begins_with_is_read(oracle: Oracle, reader: str) -> None:
    for number, parts in enumerate(seeds(reader)):
        oracle.check(TARGETS[reader].case, parts)  # imports what it needs, which may take its time
        found = oracle.check(TARGETS[reader].case, parts)
        assert found.outcome == "accepted", (number, found)


@pytest.mark.parametrize("reader", TARGETS)
@settings(max_examples=40)
@given(number=st.integers(0, 2**32 - 1))
def test_a_changed_file_is_read_or_refused(oracle: Oracle, reader: str, number: int) -> None:
    target, rng = TARGETS[reader], random.Random(number)
    parts = changed(rng.choice(seeds(reader)), rng, seeds(reader), target.words, target.limit)
    parts = target.mend(parts) if target.mend and rng.random() < 0.8 else parts
    with memory_limit():
        assert oracle.check(target.case, parts).fault is None


def breaks(path: Path) -> None:
    raise KeyError(path)


def names_nothing(path: Path) -> None:
    raise InputError("this is wrong")


def says_two_lines(path: Path) -> None:
    raise InputError(f"{path}: wrong\nvery wrong")


def warns(path: Path) -> None:
    warnings.warn("overflow", RuntimeWarning, stacklevel=1)


def reads_elsewhere(path: Path) -> None:
    (path.parent / "../../../etc/hostname").read_bytes()


def writes(path: Path) -> None:
    path.with_suffix(".out").write_bytes(b"")


def starts_a_program(path: Path) -> None:
    os.system("true")


def takes_memory(path: Path) -> None:
    try:
        np.ones(GB, np.uint8)
    except MemoryError as error:
        raise InputError(f"{path}: does not fit into memory") from error


def takes_time(path: Path) -> None:
    while path:
        pass


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (breaks, "KeyError"),
        (names_nothing, "file not named"),
        (says_two_lines, "message"),
        (warns, "RuntimeWarning"),
        (reads_elsewhere, "_TrespassError"),
        (writes, "_TrespassError"),
        (starts_a_program, "_TrespassError"),
        (takes_memory, "MemoryError"),
        (takes_time, "_TooLongError"),
    ],
)
def test_the_judge_notices(
    oracle: Oracle, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], None], kind: str
) -> None:
    monkeypatch.setattr("fuzz_oracle.SECONDS", 0.2)
    with memory_limit():
        fault = oracle.check(Case("x", ("a.x",), read), (b"",)).fault
    assert fault is not None and fault.kind == kind


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4).map(tuple))
def test_packing_a_case_is_undone(parts: Parts) -> None:
    assert unpack(pack(parts), len(parts)) == parts


@given(st.binary(max_size=50), st.integers(1, 5))
def test_any_bytes_are_a_case(data: bytes, n_parts: int) -> None:
    assert len(unpack(data, n_parts)) == n_parts


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=3))
def test_a_case_shrinks_to_what_fails(around: bytes, fault: bytes) -> None:
    assert smaller((around + fault + around,), lambda parts: fault in parts[0], tries=2000) == (fault,)


@given(st.text())
def test_what_a_message_quotes_is_short_and_printable(text: str) -> None:
    for shown in (quoted(text), quoted([text] * 9), one_line(ValueError(text))):
        assert shown.isprintable() and 0 < len(shown) <= 200
