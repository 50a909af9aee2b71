"""Every client, each in its own language, gets what was recorded from the real service, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.languages import Language

EXCHANGES = Path(__file__).parents[2] / "clients" / "conformance"
RECORDED = [file.stem for file in sorted(EXCHANGES.glob("*.json"))]


def test_the_exchanges_are_what_this_service_answers(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, EXCHANGES / "record.py", tmp_path], check=True, env=environment, timeout=120)
    anew = {file.stem: file.read_text(encoding="utf-8") for file in tmp_path.glob("*.json")}
    differing = [name for name in {*RECORDED, *anew} if anew.get(name) != _text(name)]
    assert differing == [], "clients/conformance/record writes them anew"


def test_a_client_replays_every_exchange(client: Language, target: str) -> None:
    ran = client.replayed(target, EXCHANGES)
    assert ran.stdout.splitlines() == ["healthy", *(f"{name}: as recorded" for name in RECORDED)], ran.stderr
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("rule", ("responses", 0, "bytes"), "response: other bytes"),
        ("rule", ("responses", 0, "json"), "response: other JSON"),
        ("rule", ("requests", 0, "bytes"), "request: its JSON is another message than its bytes"),
        ("every-bad-field", ("error", "violations", 0, "reason"), "error: other violations"),
        ("every-bad-field", ("error", "details", 0, "bytes"), "error: other details"),
        ("every-bad-field", ("error", "reason"), "error: other reason"),
        ("every-bad-field", ("error", "code"), "error: other code"),
    ],
)
def test_a_client_tells_an_answer_from_another(
    client: Language, target: str, tmp_path: Path, name: str, changed: tuple[str | int, ...], said: str
) -> None:
    exchange = json.loads(_text(name))
    *way, last = changed
    place = exchange
    for step in way:
        place = place[step]
    place[last] = {"json": {}, "bytes": "", "reason": "REQUIRED", "code": 99}[str(last)]
    (tmp_path / f"{name}.json").write_text(json.dumps(exchange), encoding="utf-8")
    ran = client.replayed(target, tmp_path)
    assert said in ran.stdout, ran
    assert ran.returncode == 1


def _text(name: str) -> str:
    file = EXCHANGES / f"{name}.json"
    return file.read_text(encoding="utf-8") if file.exists() else ""
