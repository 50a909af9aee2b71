"""A chain of records in several files, and every way of tampering with it, at random: is each named by verify?

`unnamed` is asked by the tests here with a small size, and by the reliability suite with a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from labgloss.evidence.chain import DECISION, body_of, read, sealed
from labgloss.evidence.journal import Journal
from labgloss.evidence.verify import Flaw, Verdict, verify

Files = list[list[bytes]]
Named = Callable[[Flaw], bool]


class Memory:
    """A sink that keeps its files as lists of lines."""

    def __init__(self, records_a_file: int) -> None:
        self.files: Files = [[]]
        self._limit = records_a_file

    def is_full(self, size: int) -> bool:
        return len(self.files[-1]) >= self._limit

    def turn(self) -> None:
        self.files.append([])

    def write(self, line: bytes) -> None:
        self.files[-1].append(line)

    def close(self) -> None:
        pass


def chain_of(records: int, seed: int = 0, records_a_file: int = 40) -> tuple[Files, str]:
    """A chain that ended, of so many records, in files; and its head."""
    random = Random(seed)
    sink = Memory(records_a_file)
    journal = Journal(f"{random.getrandbits(64):016x}", sink, {"worker": 0, "software": "0"})
    while journal.head.records < records - 1:
        rules = [f"rule.{random.randrange(1_000)}" for _ in range(random.randrange(4))]
        journal.append([body_of(DECISION, {"time": "2026-01-01T00:00:00.000Z", "rules": rules})])
    journal.close()
    return sink.files, journal.head.hash


@dataclass(frozen=True)
class Tampered:
    """Files that were tampered with, how, and which flaw names it."""

    how: str
    files: Files
    named: Named


def contents(files: Files) -> Mapping[str, bytes]:
    return {f"{number:03}.jsonl": b"".join(lines) for number, lines in enumerate(files)}


def tampered(whole: Files, random: Random) -> Tampered:
    """One tampering with a copy of the files."""
    files = [list(lines) for lines in whole]
    how = random.choice(tuple(_WAYS))
    return Tampered(how, files, _WAYS[how](files, random))


def unnamed(rounds: int, records: int = 200, seed: int = 17, check: Callable[..., Verdict] = verify) -> list[str]:
    """The tamperings of so many that verify, given the last head, does not name."""
    random = Random(seed)
    whole, head = chain_of(records, seed)
    missed = []
    for number in range(rounds):
        case = tampered(whole, random)
        verdict = check(contents(case.files), [head])
        if not any(map(case.named, verdict.flaws)):
            missed.append(f"{number}: {case.how}: {verdict.flaws}")
    return missed


def _place(files: Files, random: Random) -> tuple[int, int]:
    """A file and a line of it, every record as likely as the other."""
    places = [(file, line) for file, lines in enumerate(files) for line in range(len(lines))]
    return random.choice(places)


def _number(line: bytes) -> int:
    record = read(line.rstrip(b"\n"))
    assert record is not None
    return record.number


def _here(file: int, line: int, number: int) -> Named:
    """A flaw at the place, or of the record that was there."""
    return lambda flaw: flaw.number == number or (flaw.file == f"{file:03}.jsonl" and flaw.line in (line + 1, line + 2))


def _change_a_byte(files: Files, random: Random) -> Named:
    file, line = _place(files, random)
    content = bytearray(files[file][line])
    position = random.randrange(len(content))
    content[position] = random.choice([value for value in range(256) if value != content[position]])
    number = _number(files[file][line])
    files[file][line] = bytes(content)
    return _here(file, line, number)


def _insert_a_byte(files: Files, random: Random) -> Named:
    file, line = _place(files, random)
    content = files[file][line]
    position = random.randrange(len(content))
    files[file][line] = content[:position] + bytes([random.randrange(256)]) + content[position:]
    return _here(file, line, _number(content))


def _delete_a_byte(files: Files, random: Random) -> Named:
    file, line = _place(files, random)
    content = files[file][line]
    position = random.randrange(len(content))
    files[file][line] = content[:position] + content[position + 1 :]
    return _here(file, line, _number(content))


def _drop(files: Files, random: Random) -> Named:
    file, line = _place(files, random)
    count = random.choice([1, 1, 1, 2, 7])
    number = _number(files[file][line])
    del files[file][line : line + count]
    return lambda flaw: flaw.kind in ("dropped", "cut") and flaw.number == number


def _drop_a_file(files: Files, random: Random) -> Named:
    number = _number(files.pop(random.randrange(len(files)))[0])
    return lambda flaw: flaw.kind in ("dropped", "cut") and flaw.number == number


def _cut_the_end(files: Files, random: Random) -> Named:
    last = [line for lines in files for line in lines]
    count = random.randrange(1, len(last))
    number = _number(last[-count])
    for _ in range(count):
        files[-1].pop()
        if not files[-1]:
            files.pop()
    return lambda flaw: flaw.kind == "cut" and flaw.number == number


def _tear(files: Files, random: Random) -> Named:
    line = files[-1][-1]
    files[-1][-1] = line[: random.randrange(1, len(line))]
    return lambda flaw: flaw.kind == "torn"


def _move(files: Files, random: Random) -> Named:
    file, line = _place(files, random)
    content = files[file].pop(line)
    number = _number(content)
    while True:
        to_file = random.randrange(len(files))
        to_line = random.randrange(len(files[to_file]) + 1)
        files[to_file].insert(to_line, content)
        order = [_number(each) for lines in files for each in lines]
        if order != sorted(order):
            break
        del files[to_file][to_line]
    # Of two neighbours that changed places either one was moved.
    return lambda flaw: flaw.kind == "moved" and flaw.number in (number - 1, number, number + 1)


def _swap(files: Files, random: Random) -> Named:
    one, other = _place(files, random), _place(files, random)
    while one == other:
        other = _place(files, random)
    (file, line), (other_file, other_line) = one, other
    numbers = {_number(files[file][line]), _number(files[other_file][other_line])}
    pair = files[other_file][other_line], files[file][line]
    files[file][line], files[other_file][other_line] = pair
    return lambda flaw: flaw.kind == "moved" and flaw.number in numbers


def _duplicate(files: Files, random: Random) -> Named:
    (file, line), (to_file, to_line) = _place(files, random), _place(files, random)
    content = files[file][line]
    files[to_file].insert(to_line, content)
    number = _number(content)
    return lambda flaw: flaw.kind == "duplicated" and flaw.number == number


def _insert_a_line(files: Files, random: Random) -> Named:
    file, line = _place(files, random)
    content = random.choice([b"\n", b"{}\n", b"x\n", b'{"id":"0000000000000000-1"}\n', b"\xff\x00\n"])
    files[file].insert(line, content)
    return lambda flaw: flaw.kind == "edited" and (flaw.file, flaw.line) == (f"{file:03}.jsonl", line + 1)


def _splice(files: Files, random: Random) -> Named:
    """A record of another chain; not its first, which alone is a chain that just began."""
    ((_, *others),), _ = chain_of(20, random.randrange(1, 1 << 30))
    file, line = _place(files, random)
    content = random.choice(others)
    files[file].insert(line, content)
    record = read(content.rstrip(b"\n"))
    assert record is not None
    return lambda flaw: flaw.kind == "dropped" and flaw.chain == record.chain


def _seal_anew(files: Files, random: Random) -> Named:
    """A record changed by somebody who knows how records are sealed."""
    file, line = _place(files, random)
    record = read(files[file][line].rstrip(b"\n"))
    assert record is not None
    body = body_of(record.kind, {"time": "2026-01-01T00:00:00.001Z", "rules": ["another"]})
    files[file][line], _ = sealed(body, record.chain, record.number, record.previous)
    return lambda flaw: flaw.kind in ("forged", "cut") and flaw.number in (record.number, record.number + 1)


def _write_anew_from(files: Files, random: Random) -> Named:
    """The same, with every record after it sealed anew as well: only the last head tells."""
    file, line = _place(files, random)
    previous = ""
    for number, lines in enumerate(files):
        for position, content in enumerate(lines):
            record = read(content.rstrip(b"\n"))
            assert record is not None
            if (number, position) < (file, line):
                continue
            body = body_of(record.kind, {"time": "2026-01-01T00:00:00.001Z"})
            lines[position], previous = sealed(body, record.chain, record.number, previous or record.previous)
    return lambda flaw: flaw.kind == "cut" and flaw.chain != ""


_WAYS: Mapping[str, Callable[[Files, Random], Named]] = {
    "a byte changed": _change_a_byte,
    "a byte inserted": _insert_a_byte,
    "a byte deleted": _delete_a_byte,
    "records dropped": _drop,
    "a file dropped": _drop_a_file,
    "the end cut off": _cut_the_end,
    "the last line torn": _tear,
    "a record moved": _move,
    "two records swapped": _swap,
    "a record duplicated": _duplicate,
    "a line inserted": _insert_a_line,
    "a record of another chain": _splice,
    "a record sealed anew": _seal_anew,
    "all records from one on sealed anew": _write_anew_from,
}
