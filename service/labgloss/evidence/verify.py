"""Whether chains of records are whole: each record that was edited, dropped, moved, duplicated or torn, by its place.

Needs no key and no network. What a record holds of the one before it tells what was changed alone; whoever can write
the files can seal all that follows on a change anew, or cut an end off. The head, which metrics, log and whoever keeps
them know, tells that too: of a chain it proves every record up to its own.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median_low

from labgloss.evidence.chain import END, NOTHING_BEFORE, START, Record, read
from labgloss.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it was written: what, of which chain and record (None: not known), and where."""

    kind: str
    chain: str
    number: int | None
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        chain = f"chain {self.chain}" if self.chain else ""
        record = "" if self.number is None else f"record {self.number}"
        of = " ".join(part for part in (chain, record) if part)
        return ": ".join(part for part in (f"{self.file}:{self.line}", of, self.kind, self.text) if part)


@dataclass(frozen=True, slots=True)
class ChainSeen:
    """A chain as far as it was read: how many records, and the hash of the last; `ended`: by its own word.

    `held`: how many of them are proved by a hash that was given, and so are what they were when it was taken.
    """

    chain: str
    records: int
    head: str
    ended: bool
    held: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was read, and what is wrong with it."""

    chains: tuple[ChainSeen, ...]
    flaws: tuple[Flaw, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.flaws

    @property
    def not_held(self) -> tuple[ChainSeen, ...]:
        """Chains of which no hash that was given proves the last record."""
        return tuple(chain for chain in self.chains if chain.held < chain.records)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line where it stands: `intact`, a record as it was written; `torn`, without a line break."""

    file: str
    line: int
    chain: str
    number: int = -1
    previous: str = ""
    kind: str = ""
    hash: str = ""
    intact: bool = False
    torn: bool = False


def verify(files: Mapping[str, bytes], heads: Iterable[str] = (), known: Iterable[str] = ()) -> Verdict:
    """What the contents of files, by name, come to.

    `heads` are hashes that a chain must end with; `known` those that it must hold, or begin right after.
    """
    known, heads = frozenset(known), tuple(heads)
    lines = [list(_lines(name, content)) for name, content in files.items()]
    flaws: list[Flaw] = []
    chains: list[ChainSeen] = []
    for chain, of_chain in _by_chain(lines).items():
        seen, found = _verified(chain, of_chain, known, known.union(heads))
        flaws += found
        chains += [] if seen is None else [seen]
    hashes = {line.hash: line for lines_of_file in lines for line in lines_of_file if line.intact}
    befores = {line.previous for line in hashes.values()}
    flaws += _ends(chains, hashes, heads)
    for missing in sorted(known - hashes.keys() - befores):
        flaws.append(Flaw("unknown", "", None, "--known", 0, f"no record is {missing}, and none follows on it"))
    return Verdict(tuple(chains), tuple(flaws))


def _lines(file: str, content: bytes) -> Iterator[_Line]:
    """The lines of a file that are no lines of the log; one that is no record belongs to the chain around it."""
    parts = content.split(b"\n")
    unterminated = parts.pop()
    records = [read(part) for part in parts]
    chain = next((record.chain for record in records if record), "")
    for number, (part, record) in enumerate(zip(parts, records, strict=True), 1):
        if record is not None:
            chain = record.chain
            yield _seen(file, number, record)
        elif not _is_of_the_log(part):
            yield _Line(file, number, chain)
    if unterminated:
        yield _Line(file, len(parts) + 1, chain, torn=True)


def _seen(file: str, line: int, record: Record) -> _Line:
    return _Line(
        file, line, record.chain, record.number, record.previous, record.kind, record.hash, intact=True, torn=False
    )


def _is_of_the_log(line: bytes) -> bool:
    """Whether a line is one of the log, which shares standard output with the records."""
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and {"event", "timestamp"} <= said.keys() and "id" not in said


def _by_chain(files: Sequence[Sequence[_Line]]) -> dict[str, list[_Line]]:
    """The lines of each chain as its files follow on one another, in whatever order they were named."""
    parts: dict[str, list[tuple[int, list[_Line]]]] = {}
    for lines in files:
        of_file: dict[str, list[_Line]] = {}
        for line in lines:
            of_file.setdefault(line.chain, []).append(line)
        for chain, some in of_file.items():
            # The middle one: a single record that was moved into another file does not move that file.
            middle = median_low([line.number for line in some if line.intact] or [-1])
            parts.setdefault(chain, []).append((middle, some))
    return {
        chain: [line for _, some in sorted(of_chain, key=lambda part: part[0]) for line in some]
        for chain, of_chain in parts.items()
    }


def _verified(
    chain: str, lines: list[_Line], known: frozenset[str], given: frozenset[str]
) -> tuple[ChainSeen | None, list[Flaw]]:
    intact = [line for line in lines if line.intact]
    if not intact:
        return None, [_no_record(line, None) for line in lines]
    kept = [intact[position] for position in _longest_rise([line.number for line in intact])]
    in_place = {id(line) for line in kept}
    flaws = list(_out_of_place([line for line in intact if id(line) not in in_place], kept))
    elsewhere = {flaw.number for flaw in flaws if flaw.kind == "moved"}
    flaws += _gaps(lines, in_place, elsewhere, known)
    flaws += _links(kept)
    last = kept[-1]
    held = max((line.number + 1 for line in kept if line.hash in given), default=0)
    return ChainSeen(chain, last.number + 1, last.hash, last.kind == END, held), flaws


def _longest_rise(numbers: Sequence[int]) -> list[int]:
    """The positions of a longest strictly rising part: what is not in it stands in the wrong place."""
    tops: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for position, number in enumerate(numbers):
        length = bisect_left(tops, number)
        before.append(at[length - 1] if length else -1)
        tops[length : length + 1] = [number]
        at[length : length + 1] = [position]
    rise: list[int] = []
    position = at[-1]
    while position >= 0:
        rise.append(position)
        position = before[position]
    return rise[::-1]


def _out_of_place(lines: Iterable[_Line], kept: Sequence[_Line]) -> Iterator[Flaw]:
    standing = {line.number: line for line in kept}
    for line in lines:
        original = standing.get(line.number)
        if original is None:
            standing[line.number] = line
            yield _flaw("moved", line, "it does not stand where its number belongs")
        elif original.hash == line.hash:
            yield _flaw("duplicated", line, f"it stands at {original.file}:{original.line} too")
        else:
            yield _flaw("forged", line, f"another record {line.number} stands at {original.file}:{original.line}")


def _gaps(
    lines: Iterable[_Line], in_place: set[int], elsewhere: set[int | None], known: frozenset[str]
) -> Iterator[Flaw]:
    """What is wrong between the records that stand in their places, before the first and after the last."""
    expected = 0
    strange: list[_Line] = []
    first = True
    for line in lines:
        if not line.intact:
            strange.append(line)
        elif id(line) in in_place:
            if first and line.previous in known:
                expected = line.number
            missing = [number for number in range(expected, line.number) if number not in elsewhere]
            yield from _gap(missing, strange, line)
            expected, strange, first = line.number + 1, [], False
    yield from (_no_record(line, None) for line in strange)


def _gap(missing: list[int], strange: list[_Line], follower: _Line) -> Iterator[Flaw]:
    for position, line in enumerate(strange):
        yield _no_record(line, missing[position] if position < len(missing) else None)
    dropped = missing[len(strange) :]
    if dropped:
        many = f"records {dropped[0]} to {dropped[-1]} are" if len(dropped) > 1 else "it is"
        text = f"{many} missing before this line"
        yield Flaw("dropped", follower.chain, dropped[0], follower.file, follower.line, text)


def _no_record(line: _Line, number: int | None) -> Flaw:
    if line.torn:
        text = "its line has no end, as a process leaves it that dies while it writes, before it answers"
        return Flaw("torn", line.chain, number, line.file, line.line, text)
    text = "the line is not a record as it was written"
    return Flaw("edited", line.chain, number, line.file, line.line, text)


def _links(kept: Sequence[_Line]) -> Iterator[Flaw]:
    first = kept[0]
    if first.number == 0 and (first.previous != NOTHING_BEFORE or first.kind != START):
        yield _flaw("forged", first, "it is not the beginning of a chain")
    for line, follower in pairwise(kept):
        if line.kind == END:
            yield _flaw("forged", follower, f"it stands after the record that ends its chain, {line.number}")
        elif follower.number == line.number + 1 and follower.previous != line.hash:
            text = f"record {follower.number}, which was written after it, holds another hash: one of them was replaced"
            yield _flaw("forged", line, text)


def _ends(chains: Sequence[ChainSeen], hashes: Mapping[str, _Line], heads: Sequence[str]) -> Iterator[Flaw]:
    ends = {chain.head for chain in chains}
    for head in heads:
        if head in ends:
            continue
        if (line := hashes.get(head)) is not None:
            yield _flaw("forged", line, "it is the head that was given, and records follow on it")
            continue
        # Of one chain that does not end with a head that was given, it is known which end is missing.
        cut = [chain for chain in chains if chain.head not in heads]
        if len(cut) == 1:
            text = f"the chain does not end with {head}: its last records are missing, or were replaced"
            last = hashes[cut[0].head]
            yield Flaw("cut", cut[0].chain, cut[0].records, last.file, last.line, text)
        else:
            yield Flaw("cut", "", None, "--head", 0, f"no chain of these files ends with {head}")


def _flaw(kind: str, line: _Line, text: str) -> Flaw:
    return Flaw(kind, line.chain, line.number, line.file, line.line, text)
