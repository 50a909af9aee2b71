"""`labgloss audit verify` and `labgloss replay`: what they print, and the codes they end with."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from labgloss.cli import main
from labgloss.evidence.chain import NOTHING_BEFORE, read, sealed
from labgloss.evidence.site_key import read_key
from labgloss.knowledge.release import Release
from labgloss.v1 import interpretation_pb2 as pb
from tests.server.wire import BATCH, INTERPRET, batch, panel, serving, unary
from tests.unit.evidence.tampering import chain_of

EXAMPLE = str(Path(__file__).parents[3] / "deploy" / "overlay.example.toml")
SECRET = "0123456789abcdef0123456789abcdef\n"
PANEL = """
[[panel]]
id = "a"
[[panel.results]]
analyte = "magnesium"
value = "{value}"
unit = "mmol/L"
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with a chain of 100 records in three files, and its head in another."""
    files, head = chain_of(100)
    (tmp_path / "head").write_text(head)
    for number, lines in enumerate(files, 1):
        (tmp_path / f"{number}.jsonl").write_bytes(b"".join(lines))
    return tmp_path


def ends(code: int, *arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints when it ends with this code."""
    assert code == main(arguments)
    return capsys.readouterr().out


def test_a_whole_chain_is_said_to_be_whole(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = (written / "head").read_text()
    lines = ends(0, "audit", "verify", str(written), "--head", head, capsys=capsys).splitlines()
    assert lines[0].endswith(f": 100 records, ended; head {head}")
    assert ["whole"] == lines[1:]


def test_what_is_not_whole_is_named_by_file_line_chain_and_record(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written / "2.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b"2026", b"2025")
    del lines[10:12]
    file.write_bytes(b"".join(lines))
    record = read(lines[0].rstrip(b"\n"))
    assert record is not None
    said = ends(1, "audit", "verify", str(written), capsys=capsys).splitlines()
    assert [
        f"{file}:5: chain {record.chain} record 44: edited: the line is not a record as it was written",
        f"{file}:11: chain {record.chain} record 50: dropped: records 50 to 51 are missing before this line",
    ] == said[:2]
    assert "not whole: 2 flaws" == said[-1]


def test_what_no_hash_from_outside_proves_is_not_said_to_be_whole(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All records from one on were sealed anew, which needs no key: nothing in the files tells."""
    head = (written / "head").read_text()
    previous, hashes = NOTHING_BEFORE, []
    for file in sorted(written.glob("*.jsonl")):
        lines = []
        for line in file.read_bytes().splitlines():
            record = read(line)
            assert record is not None
            body = line.replace(b'"rules":', b'"caller":"another","rules":') if record.number == 50 else line
            body = b"{" + body[body.index(b'"kind"') : body.rindex(b',"hash"')] + b"}"
            anew, previous = sealed(body, record.chain, record.number, previous)
            lines.append(anew)
            hashes.append(record.hash)
        file.write_bytes(b"".join(lines))
    verifying = ("audit", "verify", str(written))
    *_, last = ends(0, *verifying, capsys=capsys).splitlines()
    assert last.startswith("consistent in itself; 1 of 1 chain not held up to the last record by a hash from outside")
    ends(1, *verifying, "--require-heads", capsys=capsys)
    assert "cut" in ends(1, *verifying, "--head", head, capsys=capsys)
    # One from before the change proves what is before it.
    *_, chain, last = ends(0, *verifying, "--known", hashes[40].upper(), capsys=capsys).splitlines()
    assert chain.endswith("; held by a hash up to record 40")
    assert last.startswith("consistent in itself; 1 of 1 chain not held")
    ends(1, *verifying, "--known", hashes[60], capsys=capsys)


def test_a_whole_chain_that_is_held_satisfies_who_requires_that(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = (written / "head").read_text()
    said = ends(0, "audit", "verify", str(written), "--head", head.upper(), "--require-heads", capsys=capsys)
    assert said.endswith("\nwhole\n")


def test_what_is_no_hash_is_no_tampering(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(written / "missing.jsonl")
    assert 2 == main(["audit", "verify", missing, "--head", "zzz", "--known", "ab"])
    said = capsys.readouterr().err
    assert "--head: zzz is no hash; give 64 hexadecimal digits" in said
    assert "--known: ab is no hash" in said
    assert f"{missing}: cannot be read" in said


def test_a_chain_may_come_through_a_pipe_among_lines_of_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, head = chain_of(10)
    content = b'{"event":"serving","timestamp":"x"}\n' + b"".join(files[0])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert ends(0, "audit", "verify", "-", "--head", head, capsys=capsys).endswith("whole\n")


def test_a_known_hash_stands_for_files_that_were_removed(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = read((written / "1.jsonl").read_bytes().splitlines()[-1])
    assert last is not None
    (written / "1.jsonl").unlink()
    ends(1, "audit", "verify", str(written), capsys=capsys)
    ends(0, "audit", "verify", str(written), "--known", last.hash, capsys=capsys)


def test_what_cannot_be_read_ends_with_2_and_what_holds_nothing_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.jsonl"
    assert 2 == main(["audit", "verify", str(missing), str(tmp_path)])
    said = capsys.readouterr().err
    assert f"{missing}: cannot be read: No such file or directory" in said
    assert f"{tmp_path}: holds no file of records (*.jsonl)" in said
    (tmp_path / "empty.jsonl").touch()
    assert "no record was found\n" in ends(1, "audit", "verify", str(tmp_path), capsys=capsys)


def test_a_service_whose_evidence_cannot_be_kept_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it proves a release or listens."""
    (tmp_path / "key").write_text("short")
    flags = ("--audit", str(tmp_path / "missing"), "--audit-key", str(tmp_path / "key"), "--port", "0")
    assert 2 == main(["serve", *flags])
    assert [
        "labgloss: cannot start so:",
        f"  audit_key: {tmp_path / 'key'} does not hold a key; give a file of 32 to 4096 random bytes, as "
        "`openssl rand -hex 32` writes them",
        f"  audit: records cannot be written to {tmp_path / 'missing'}: it is no folder; give a folder that can be "
        "written, or - for standard output",
    ] == capsys.readouterr().err.splitlines()


# ------------------------------------------------------------------------------------------------ replay


@pytest.fixture(scope="module")
def kept(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the key, records of a few calls (in `records`), and the requests that callers kept."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "records").mkdir()
    (folder / "key").write_text(SECRET)
    (folder / "panel.toml").write_text(PANEL.format(value="0.41"))
    (folder / "other.toml").write_text(PANEL.format(value="0.42"))
    (folder / "unary.bin").write_bytes(unary("a"))
    (folder / "batch.bin").write_bytes(batch("a", "b"))
    with serving(release, audit=str(folder / "records"), audit_key=folder / "key") as served:
        served.call(INTERPRET, unary("a"))
        asked = pb.BatchInterpretPanelsRequest(panels=[panel("a"), panel("b")])
        asked.panels.add(as_of="never")
        served.call(BATCH, asked.SerializeToString())
    return folder


def replay(folder: Path, request: str, *flags: str) -> tuple[str, ...]:
    return ("replay", str(folder / request), str(folder / "records"), "--key", str(folder / "key"), *flags)


def ids(folder: Path) -> list[str]:
    (file,) = (folder / "records").iterdir()
    records = [read(line) for line in file.read_bytes().splitlines()]
    return [record.id for record in records if record is not None and record.kind == "decision"]


@pytest.mark.parametrize(
    ("request_file", "proved"), [("panel.toml", [0, 1]), ("unary.bin", [0, 1]), ("batch.bin", [0, 1, 2])]
)
def test_a_request_gives_the_recorded_report_again(
    request_file: str, proved: list[int], kept: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ends(0, *replay(kept, request_file), capsys=capsys).splitlines()
    assert [
        f"{ids(kept)[number]}: the request is the recorded one and gives the recorded report, on release "
        f"{release.reference.version}, digest {release.reference.digest}, engine {release.reference.engine}, "
        "without overlay"
        for number in proved
    ] == lines


def test_another_request_is_told(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ends(1, *replay(kept, "other.toml"), capsys=capsys)
    assert said.startswith(f"{kept / 'other.toml'}: panel 1: no record is of it, under this key, ")
    assert 1 == said.count("\n")
    first = ids(kept)[0]
    assert f"{first}: the request is another one\n" == ends(
        1, *replay(kept, "other.toml", "--id", first), capsys=capsys
    )
    assert "has the id x-1; labgloss audit verify" in ends(1, *replay(kept, "other.toml", "--id", "x-1"), capsys=capsys)


def test_another_release_is_refused_and_the_one_that_is_needed_named(
    kept: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ends(2, *replay(kept, "panel.toml", "--overlay", EXAMPLE), capsys=capsys)
    needs = (
        f"needs release {release.reference.version}, digest {release.reference.digest}, engine 0.2.0, without overlay"
    )
    assert f"{needs}; loaded is release" in said
    assert "under overlay example-hospital" in said


def test_another_key_is_named_by_its_fingerprint(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("x" * 32)
    flags = ("--key", str(tmp_path / "key"), "--id", ids(kept)[0])
    assert ": was kept under another key, of fingerprint " in ends(
        2, *replay(kept, "panel.toml", *flags), capsys=capsys
    )


def test_each_panel_that_no_record_is_of_is_named(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "two.bin"
    asked = pb.BatchInterpretPanelsRequest(panels=[panel("changed"), panel("b"), panel("another")])
    request.write_bytes(asked.SerializeToString())
    said = ends(1, "replay", str(request), *replay(kept, "")[2:], capsys=capsys).splitlines()
    assert [ids(kept)[2], str(request), str(request)] == [line.partition(": ")[0] for line in said]
    assert ["panel 1", "panel 3"] == [line.split(": ")[1] for line in said[1:]]


def test_under_another_key_nothing_is_found_and_the_key_that_is_needed_is_said(
    kept: Path, release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("x" * 32)
    arguments = replay(kept, "panel.toml", "--key", str(tmp_path / "key"))
    said = ends(2, *arguments, capsys=capsys).splitlines()
    chain = ids(kept)[0].partition("-")[0]
    assert "panel 1: no record is of it" in said[0]
    fingerprint = read_key(kept / "key").fingerprint
    assert [f"chain {chain}: was kept under another key, of fingerprint {fingerprint}"] == said[1:]
    (tmp_path / "records").mkdir()
    with serving(release, audit=str(tmp_path / "records")) as served:
        served.call(INTERPRET, unary("a"))
    said = ends(2, *arguments[:2], str(tmp_path / "records"), *arguments[3:], capsys=capsys).splitlines()
    assert said[1].endswith(": was kept without a key: it has no digests to compare with")


def test_a_refusal_cannot_be_replayed(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ends(2, *replay(kept, "panel.toml", "--id", ids(kept)[3]), capsys=capsys)
    assert "was refused (INVALID_FIELDS): there is no report to compare with" in said


def test_a_record_without_digests_proves_nothing(
    kept: Path, release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(release, audit=str(tmp_path)) as served:
        served.call(INTERPRET, unary("a"))
    (file,) = tmp_path.iterdir()
    ident = read(file.read_bytes().splitlines()[1])
    assert ident is not None
    arguments = ("replay", str(kept / "panel.toml"), str(file), "--key", str(kept / "key"), "--id", ident.id)
    assert "was kept without a key: it has no digests to compare with" in ends(2, *arguments, capsys=capsys)


def test_a_report_that_is_not_the_recorded_one_is_told(
    kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labgloss.cli.commands import replay as module

    monkeypatch.setattr(module, "_report_of", lambda *_: b"another")
    said = ends(1, *replay(kept, "panel.toml"), capsys=capsys)
    assert "the request is the recorded one, the report is not the same, on release" in said


def test_what_is_no_request_no_key_no_file_is_named(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.bin").write_bytes(b"\xff\xff")
    assert 2 == main([*replay(kept, "panel.toml")[:1], str(tmp_path / "x.bin"), *replay(kept, "")[2:]])
    mend = "give the bytes of the request as they were sent, or a panel file (.toml, .json)"
    assert f"  {tmp_path / 'x.bin'}: is not a request; {mend}\n" in capsys.readouterr().err
    assert 2 == main(replay(kept, "missing.bin"))
    assert "missing.bin: cannot be read: No such file or directory" in capsys.readouterr().err
    assert 2 == main([*replay(kept, "panel.toml")[:-1], str(tmp_path / "key")])
    assert f"--key: {tmp_path / 'key'} cannot be read: No such file or directory; give" in capsys.readouterr().err
