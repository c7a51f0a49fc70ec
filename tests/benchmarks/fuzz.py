"""Damaged files by the thousand: `python -m tests.benchmarks.fuzz --format ubl --inputs 100000`.

Each input is a sound file of the format with a few mutations of its bytes, its texts or its
elements. The command ends with 1 when reading one raises, takes longer than the limit, or when
the process needs more memory than allowed. Prints how the inputs ended, the slowest one and the
peak of memory. The inputs follow from the seed, so a failure can be made again by its number.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import resource
import signal
import sys
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from types import FrameType
from unittest import mock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from invoices.intake import ReadResult, read, reading, xml_stream
from invoices.problems import CATALOGUE
from tests.invoices.intake.seeds import seeds

_WORDS = [
    b"", b"0", b"-1", b"1e999", b"999999999999.99", b"0,1", b"1.234", b"2026-02-31", b"1/2/2026",
    b"\x00", b"\xff\xfe", b"\xc3", b"&e;", b"<!ENTITY a 'b'>", b"<!DOCTYPE a>", b"<!--", b"]]>",
    b"<![CDATA[", b"\"", b"'", b";", b"\t", b"\r", b"=1+1", b"#REF!", b"%", b"NaN", b"381",
    b"</Invoice>", b"<Invoice>", b"\xe2\x88\x92", "ä".encode(), b"A" * 5_000, b"9" * 400,
]  # fmt: skip
_TEXT = re.compile(rb">[^<>]+<|[^;,\t\r\n]+")
_TAG = re.compile(rb"</?[\w:]+[^<>]*>")
_UNPACKED = 2_000_000


class Hang(Exception):
    """Reading took longer than the limit."""


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The file with one to six mutations; inside a package, sometimes of one of its parts."""
    if content.startswith(b"PK") and rng.random() < 0.7:
        return _repacked(content, rng)
    for _ in range(rng.randint(1, 6)):
        content = rng.choice(_MUTATIONS)(content, rng)
    return content


def _bytes(content: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(content))
    return content[:at] + rng.randbytes(rng.randint(0, 8)) + content[at + rng.randint(0, 30) :]


def _word(content: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(content))
    return content[:at] + rng.choice(_WORDS) + content[at:]


def _value(content: bytes, rng: random.Random) -> bytes:
    """Another text where one stands."""
    found = list(_TEXT.finditer(content))
    if not found:
        return content
    one = rng.choice(found)
    edges = (b">", b"<") if one[0].startswith(b">") else (b"", b"")
    return content[: one.start()] + rng.choice(_WORDS).join(edges) + content[one.end() :]


def _element(content: bytes, rng: random.Random) -> bytes:
    """One tag left out, or written twice."""
    found = list(_TAG.finditer(content))
    if not found:
        return content
    one = rng.choice(found)
    return content[: one.start()] + one[0] * rng.choice([0, 2]) + content[one.end() :]


def _piece(content: bytes, rng: random.Random) -> bytes:
    """A piece moved, repeated or cut off."""
    start, end = sorted(rng.randint(0, len(content)) for _ in range(2))
    piece = content[start:end]
    at = rng.randint(0, len(content))
    return content[:at] + piece * rng.randint(0, 2) + content[at:]


_MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    _bytes, _word, _value, _value, _value, _element, _element, _piece,
]  # fmt: skip


def _repacked(content: bytes, rng: random.Random) -> bytes:
    """The package with one of its parts damaged and packed anew."""
    parts: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        for name in package.namelist():
            parts[name] = package.read(name)
    name = rng.choice(sorted(parts))
    for _ in range(rng.randint(1, 4)):
        parts[name] = rng.choice(_MUTATIONS)(parts[name], rng)[:_UNPACKED]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for each, part in parts.items():
            package.writestr(each, part)
    return out.getvalue()


def checked(content: bytes) -> str:
    """How reading ended, in a word. Raises AssertionError when the result breaks its promise."""
    result: ReadResult = read(content)
    _read_in_pieces(content, result)
    assert result.items or result.problems
    found = [*result.problems]
    for position, item in enumerate(result.items, start=1):
        assert item.position == position
        assert (item.document is None) == bool(item.problems)
        found += [*item.problems, *item.warnings]
    unknown = {each.code for each in found} - CATALOGUE.keys()
    assert not unknown, unknown
    if any(item.document for item in result.items):
        return "accepted"
    return "refused" if result.items else "file refused"


#: The package's name for the module is its function's.
piecewise = sys.modules["invoices.intake.reading"]
#: Limits that reading piece by piece does not have.
_OF_THE_WHOLE = {"too_many", "file_too_complex"}


def _read_in_pieces(content: bytes, result: ReadResult) -> None:
    """The same, read piece by piece; and the same promises where XML is cut at its tags."""
    found = reading(io.BytesIO(content))
    pieces = ReadResult(found.format, tuple(found), found.problems, found.columns)
    if not _OF_THE_WHOLE & {each.code for each in result.problems}:
        assert pieces == result, "reading in pieces differs"
    whole = mock.patch.multiple(piecewise, WHOLE_BYTES=0)
    with whole, mock.patch.multiple(xml_stream, TOGETHER_BYTES=0):
        cut = reading(io.BytesIO(content))
        items = tuple(cut)
    assert items or cut.problems
    assert [item.position for item in items] == list(range(1, len(items) + 1))


def _alarm(signum: int, frame: FrameType | None) -> None:
    raise Hang


def main(arguments: list[str] | None = None) -> int:
    files = seeds()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fuzz", description=__doc__)
    parser.add_argument("--format", choices=[*files, "all"], default="all")
    parser.add_argument("--inputs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10, help="limit of one input")
    parser.add_argument("--megabytes", type=int, default=1_000, help="limit of the process")
    options = parser.parse_args(arguments)
    wanted = [*files] if options.format == "all" else [options.format]
    failed = [name for name in wanted if not _run(name, files[name], options)]
    return 1 if failed else 0


def _run(name: str, files: list[bytes], options: argparse.Namespace) -> bool:
    signal.signal(signal.SIGALRM, _alarm)
    ends: Counter[str] = Counter()
    failures: list[str] = []
    slowest, began = (0.0, 0), time.monotonic()
    for number in range(options.inputs):
        # Of a number alone, and never by hash(): the same in every process.
        rng = random.Random(zlib.crc32(f"{name} {options.seed} {number}".encode()))
        content = mutated(rng.choice(files), rng)
        start = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, options.seconds)
        try:
            ends[checked(content)] += 1
        except Exception as error:
            failures.append(f"input {number}: {type(error).__name__} {error}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, (time.perf_counter() - start, number))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = time.monotonic() - began
    told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    print(
        f"{name}: {options.inputs} inputs in {took:.0f} s: {told}; {len(failures)} failed; "
        f"slowest {slowest[0]:.3f} s (input {slowest[1]}); peak {peak:.0f} MB",
        flush=True,
    )
    for failure in failures[:20]:
        print(f"  {failure}"[:400])
    return not failures and peak <= options.megabytes


if __name__ == "__main__":
    sys.exit(main())
