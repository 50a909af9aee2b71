"""Every record of a chain that is not as it was written is named, by file, line, chain and number."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from labgloss.evidence import verify as module
from labgloss.evidence.chain import DECISION, START, body_of, read, sealed
from labgloss.evidence.verify import Flaw, Verdict, verify
from tests.unit.evidence.tampering import Files, chain_of, contents, tampered, unnamed

ROUNDS = 500
LOG_LINE = b'{"event":"call","status":"OK","timestamp":"2026-01-01T00:00:00Z"}\n'


def checked(files: Files, *heads: str, known: tuple[str, ...] = ()) -> Verdict:
    return verify(contents(files), heads, known)


def said(verdict: Verdict) -> list[tuple[str, int | None, str, int]]:
    return [(flaw.kind, flaw.number, flaw.file, flaw.line) for flaw in verdict.flaws]


def test_a_chain_as_it_was_written_is_whole() -> None:
    files, head = chain_of(100)
    verdict = checked(files, head)
    assert verdict.whole
    assert [(100, head, True)] == [(chain.records, chain.head, chain.ended) for chain in verdict.chains]


def test_every_tampering_is_named() -> None:
    assert [] == unnamed(ROUNDS, records=100)


def test_a_verify_that_only_counts_misses_most() -> None:
    """The control: the same tamperings, asked of something that looks at no hash."""

    def counting(files: Mapping[str, bytes], _: object) -> Verdict:
        count = sum(content.count(b"\n") for content in files.values())
        return Verdict((), () if count == 200 else (Flaw("dropped", "", count, "", 0, ""),))

    assert len(unnamed(100, check=counting)) > 50


@pytest.mark.parametrize("part", ["_links", "_out_of_place", "_gaps", "_ends"])
def test_no_part_of_verify_is_idle(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, part, lambda *_: ())
    assert unnamed(200, records=60)


def test_the_order_in_which_files_are_named_does_not_matter() -> None:
    files, head = chain_of(100)
    shuffled = list(contents(files).items())
    Random(1).shuffle(shuffled)
    assert verify(dict(shuffled), [head]).whole


def test_chains_of_several_workers_stand_beside_one_another() -> None:
    (one, head), (other, other_head) = chain_of(30, 1), chain_of(30, 2)
    mixed = [[line for pair in zip(one[0], other[0], strict=True) for line in pair]]
    assert checked(mixed, head, other_head).whole
    del mixed[0][11]
    assert [("dropped", 5, "000.jsonl", 13)] == said(checked(mixed, head, other_head))


def test_lines_of_the_log_are_passed_over() -> None:
    files, head = chain_of(10)
    files[0][3:3] = [LOG_LINE, LOG_LINE]
    assert checked(files, head).whole
    files[0][3:3] = [b'{"some":"line"}\n']
    assert [("edited", None, "000.jsonl", 4)] == said(checked(files, head))


def test_a_torn_last_line_is_torn_and_not_edited() -> None:
    files, _ = chain_of(10)
    files[0][-1] = files[0][-1][:-30]
    (flaw,) = checked(files).flaws
    assert ("torn", "000.jsonl", 10) == (flaw.kind, flaw.file, flaw.line)
    assert "its line has no end" in str(flaw)


def test_without_its_head_a_missing_end_is_not_known_and_the_chain_is_not_called_ended() -> None:
    files, head = chain_of(10)
    del files[0][-2:]
    assert [(True, False)] == [(checked(files).whole, chain.ended) for chain in checked(files).chains]
    assert [("cut", 8, "000.jsonl", 8)] == said(checked(files, head))


def test_records_after_the_head_or_after_the_end_are_not_taken() -> None:
    files, head = chain_of(10)
    last = read(files[0][-1].rstrip(b"\n"))
    assert last is not None
    line, new = sealed(body_of(DECISION, {}), last.chain, 10, last.hash)
    files[0].append(line)
    assert [("forged", 10), ("forged", 9)] == [flaw[:2] for flaw in said(checked(files, head))]
    assert [("forged", 10)] == [flaw[:2] for flaw in said(checked(files, new))]


def test_a_chain_without_its_beginning_needs_a_hash_that_is_known() -> None:
    files, head = chain_of(100)
    before = read(files[0][-1].rstrip(b"\n"))
    assert before is not None
    assert [("dropped", 0)] == [flaw[:2] for flaw in said(checked(files[1:], head))]
    assert checked(files[1:], head, known=(before.hash,)).whole
    assert checked(files, known=(before.hash,)).whole
    assert ["unknown"] == [flaw.kind for flaw in checked(files, known=("f" * 64,)).flaws]


def test_a_head_of_none_of_several_chains_is_named() -> None:
    files = [*chain_of(10, 1)[0], *chain_of(10, 2)[0]]
    assert [("cut", None, "--head", 0)] == said(checked(files, "f" * 64))


def test_a_beginning_that_is_none_is_forged() -> None:
    line, _ = sealed(body_of(START, {}), "0" * 16, 0, "1" * 64)
    other, _ = sealed(body_of(DECISION, {}), "0" * 16, 0, "0" * 64)
    assert [("forged", 0)] == [flaw[:2] for flaw in said(checked([[line]]))]
    assert [("forged", 0)] == [flaw[:2] for flaw in said(checked([[other]]))]


def test_nothing_read_is_no_chain() -> None:
    assert Verdict((), ()) == verify({"empty.jsonl": b""})
    (flaw,) = verify({"x": b"x\n"}).flaws
    assert "x:1: edited: the line is not a record as it was written" == str(flaw)


def test_every_way_of_tampering_is_taken() -> None:
    files, _ = chain_of(100)
    random = Random(0)
    assert 14 == len({tampered(files, random).how for _ in range(300)})
