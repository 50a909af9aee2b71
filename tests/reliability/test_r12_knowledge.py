"""R12: knowledge that is not what was proved is never served as if it were, and says so in each report."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from labgloss.cli.proved import is_proved
from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import DATA, SPECS_SUFFIX, load
from labgloss.knowledge.release import Release
from tests.reliability.table import Table

VERDICT = DATA / "verdict.json"


def files() -> list[Path]:
    return [path for path in sorted(DATA.rglob("*.toml")) if not path.name.endswith(SPECS_SUFFIX)]


def digest(contents: dict[str, bytes]) -> str:
    """The digest of a release as the loader forms it, of files in memory, which is a thousand times faster."""
    total = hashlib.sha256()
    for name, content in contents.items():
        for part in (name.encode(), content):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def changes(contents: dict[str, bytes], random: Random, how_many: int) -> Iterator[dict[str, bytes]]:
    """The files with one byte flipped, cut off somewhere, two bytes swapped, or two files in each other's place."""
    names = list(contents)
    weights = [len(content) for content in contents.values()]
    for number in range(how_many):
        (name,) = random.choices(names, weights)
        content = bytearray(contents[name])
        place = random.randrange(len(content))
        changed = dict(contents)
        match number % 4:
            case 0 | 1:
                content[place] ^= 1 << random.randrange(8)
            case 2:
                del content[place:]
            case _:
                other = random.randrange(len(content))
                content[place], content[other] = content[other], content[place]
                if bytes(content) == contents[name]:
                    another = random.choice([each for each in names if contents[each] != contents[name]])
                    changed[another] = contents[name]
                    content[:] = contents[another]
        yield {**changed, name: bytes(content)}


@pytest.mark.timeout(24 * 3600)
def test_no_change_of_the_files_keeps_the_digest(table: Table, release: Release) -> None:
    contents = {path.relative_to(DATA).as_posix(): path.read_bytes() for path in files()}
    assert digest(contents) == release.reference.digest, "the digest here is formed as the loader's"
    count = table.size(1_000, 1_000_000)
    unnoticed = sum(digest(changed) == release.reference.digest for changed in changes(contents, Random(12), count))
    # The control: a digest that leaves the sizes' worth of one file in ten out.
    left_out = dict(list(contents.items())[::10])
    blind = sum(
        digest({name: changed[name] for name in contents if name not in left_out})
        == digest({name: contents[name] for name in contents if name not in left_out})
        for changed in changes(contents, Random(12), 400)
    )
    table.settle(
        "R12",
        "flips, cuts and swaps of the files: the digest that every report names",
        size=f"{count} changes of {len(contents)} files, {sum(map(len, contents.values()))} bytes",
        figure=f"{unnoticed} with the same digest",
        target="0",
        held=unnoticed == 0,
        control=f"a digest that leaves a tenth of the files out does not notice {blind} of 400",
        found=blind > 0,
    )


@pytest.mark.timeout(24 * 3600)
def test_what_loads_all_the_same_is_not_taken_as_proved(table: Table, release: Release, tmp_path: Path) -> None:
    contents = {path.relative_to(DATA).as_posix(): path.read_bytes() for path in files()}
    count = table.size(16, 4_000)
    refused = taken = 0
    for number, changed in enumerate(changes(contents, Random(21), count)):
        folder = tmp_path / str(number)
        shutil.copytree(DATA, folder)
        for name, content in changed.items():
            if content != contents[name]:
                (folder / name).write_bytes(content)
        try:
            loaded = load(folder)
        except KnowledgeError:
            refused += 1
        else:
            taken += is_proved(folder / VERDICT.name, loaded.reference)
        shutil.rmtree(folder)
    forged = tmp_path / "verdict.json"
    forged.write_text(json.dumps(json.loads(VERDICT.read_text()) | {"digest": "0" * 64}))
    control = is_proved(VERDICT, release.reference), is_proved(forged, release.reference)
    table.settle(
        "R12",
        "changed files that still load: taken for what the kept verdict proved",
        size=f"{count} changes, {refused} refused by loading",
        figure=f"{taken} taken as proved",
        target="0",
        held=taken == 0,
        control=f"the files as they are: proved {control[0]}; a verdict of others: {control[1]}",
        found=control == (True, False),
    )
