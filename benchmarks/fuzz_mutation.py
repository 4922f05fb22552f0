"""How the fuzzer changes files: bytes, numbers and lines of real ones go in, go out, double, become extreme.

A case is a tuple of parts, one for each piece of a file that is worth changing by itself. `pack` makes one row of
bytes of it, as a fuzzer keeps them, and `unpack` makes parts of any bytes.
"""

import random
import re
import struct
from collections.abc import Callable, Sequence

__all__ = ["Parts", "changed", "pack", "smaller", "unpack"]

Parts = tuple[bytes, ...]

_NUMBER = re.compile(rb"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_EXTREME_TEXTS = (
    b"0", b"-1", b"1", b"2", b"00", b"255", b"256", b"32767", b"32768", b"-32769", b"65536", b"2147483647",
    b"2147483648", b"-2147483649", b"4294967296", b"1000000000000", b"9223372036854775807",
    b"9223372036854775808", b"1" + b"0" * 40, b"9" * 400, b"nan", b"-nan", b"inf", b"-inf", b"1e308", b"1e309",
    b"-1e308", b"1e-320", b"1e999999", b"0.0", b"-0", b"0x10", b"1_000", b"1,5", b"\xd9\xa3", b"\xc2\xb2", b"",
    b" ", b"--1", b"1.", b".5", b"true", b"null",
)  # fmt: skip
_EXTREME_NUMBERS = (
    0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31-1, 2**31, 2**32-1, 2**40, 2**62,
    2**63-1, 2**64-1,
)  # fmt: skip
_TEXTS = (
    b"../../../../etc/passwd", b"/etc/passwd", b"..", b".", b"/dev/zero", b"/dev/stdin", b"C:\\x", b"a\\b",
    b"\0", b"\r", b"\n", b"\r\n", b"\t", b" ", b"\x1b[2J", b"\x85", b"\xe2\x80\xa8", b"\xff\xfe",
    b"\xef\xbb\xbf", b"<script>alert(1)</script>", b"%s%n", b"{}", b"#", b"\"", b"'", b"\x14", b"\x15",
    b"+1e400\x14\x14\0", b"(" * 2000, b"[" * 3000, b"{\"a\":" * 2000, b"a." * 3000, b"9" * 5000,
    b"[[a]]\n" * 50,
)  # fmt: skip


def changed(
    parts: Parts, rng: random.Random, others: Sequence[Parts], words: Sequence[bytes], limit: int
) -> Parts:
    """A case with one to six changes.

    Parameters
    ----------
    others : cases to splice from
    words : texts of the format
    limit : largest part, in bytes
    """
    new = list(parts)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        place = rng.randrange(len(new))
        change = rng.choice(_CHANGES)
        donor = rng.choice(others)[place] if others else new[place]
        new[place] = change(new[place], rng, donor, (*words, *_TEXTS))[:limit]
    return tuple(new)


def _flip(data: bytes, rng: random.Random, _donor: bytes, _words: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice((data[at] ^ 1 << rng.randrange(8), rng.randrange(256)))]) + data[at + 1 :]


def _extreme(data: bytes, rng: random.Random, _donor: bytes, _words: Sequence[bytes]) -> bytes:
    """A binary number of 1 to 8 bytes becomes an extreme one."""
    form = rng.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    at = rng.randrange(len(data) + 1)
    value = rng.choice(_EXTREME_NUMBERS) & (1 << 8 * size) - 1
    return data[:at] + struct.pack(form, value) + data[at + size :]


def _number(data: bytes, rng: random.Random, _donor: bytes, _words: Sequence[bytes]) -> bytes:
    """A number in text becomes another; in half of the cases it keeps its width, as fixed fields want."""
    found = list(_NUMBER.finditer(data[: 1 << 14]))
    if not found:
        return data
    match, text = rng.choice(found), rng.choice(_EXTREME_TEXTS)
    if rng.random() < 0.3:
        text = str(rng.randrange(-3, 1000)).encode()
    if rng.random() < 0.5:
        width = len(match[0])
        text = text[:width].ljust(width)
    return data[: match.start()] + text + data[match.end() :]


def _word(data: bytes, rng: random.Random, _donor: bytes, words: Sequence[bytes]) -> bytes:
    at, word = rng.randrange(len(data) + 1), rng.choice(words)
    over = rng.choice((0, len(word)))
    return data[:at] + word + data[at + over :]


def _cut(data: bytes, rng: random.Random, _donor: bytes, _words: Sequence[bytes]) -> bytes:
    start, stop = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:start], data[:start] + data[stop:], data[:start] + data[start + 1 :]))


def _longer(data: bytes, rng: random.Random, _donor: bytes, _words: Sequence[bytes]) -> bytes:
    start, stop = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    piece = data[start:stop] if rng.random() < 0.7 else rng.randbytes(rng.randrange(64))
    return data[:stop] + piece * rng.choice((1, 1, 1, 2, 16)) + data[stop:]


def _spliced(data: bytes, rng: random.Random, donor: bytes, _words: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    start, stop = sorted(rng.randrange(len(donor) + 1) for _ in range(2))
    return rng.choice((data[:at] + donor[start:stop] + data[at:], data[:at] + donor[start:], donor))


def _lines(data: bytes, rng: random.Random, donor: bytes, _words: Sequence[bytes]) -> bytes:
    """Lines double, go, change places, or come from elsewhere."""
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            lines.insert(i, lines[j])
        case 1:
            del lines[i]
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case _:
            lines.insert(i, rng.choice(donor.split(b"\n")))
    return b"\n".join(lines)


_CHANGES: tuple[Callable[[bytes, random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _extreme, _number, _number, _number, _word, _cut, _longer, _spliced, _lines,
)  # fmt: skip


def pack(parts: Parts) -> bytes:
    """All parts but the last with their lengths before them."""
    return b"".join(struct.pack("<I", len(part)) + part for part in parts[:-1]) + parts[-1]


def unpack(data: bytes, n_parts: int) -> Parts:
    """Parts of any bytes; a length that leads beyond the end is cut there."""
    parts: list[bytes] = []
    for _ in range(n_parts - 1):
        size = int.from_bytes(data[:4], "little")
        parts.append(data[4 : 4 + size])
        data = data[4 + size :]
    return (*parts, data)


def smaller(parts: Parts, still_fails: Callable[[Parts], bool], tries: int = 400) -> Parts:
    """A case that fails as `parts` does, with as many bytes as possible taken out."""
    for place in range(len(parts)):
        size = max(len(parts[place]) // 2, 1)
        while size and tries > 0:
            at = 0
            while at < len(parts[place]) and tries > 0:
                part = parts[place][:at] + parts[place][at + size :]
                tried = (*parts[:place], part, *parts[place + 1 :])
                tries -= 1
                if still_fails(tried):
                    parts = tried
                else:
                    at += size
            size //= 2
    return parts
