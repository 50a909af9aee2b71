"""Every client, each in its own language, gets what was recorded from the real service, byte for byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

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


# Where an exchange is changed, to what, and what a client that looks says.
CHANGES: dict[str, tuple[str, tuple[str | int, ...], Any, str]] = {
    "response": ("rule", ("responses", 0, "bytes"), "", "response: other bytes"),
    "response-json": ("rule", ("responses", 0, "json"), {}, "response: other JSON"),
    "request": ("rule", ("requests", 0, "bytes"), "", "request: its JSON is another message than its bytes"),
    "violations": (
        "every-bad-field",
        ("error", "violations", 0, "reason"),
        "REQUIRED",
        "error: other violations",
    ),
    "details": ("every-bad-field", ("error", "details", 0, "bytes"), "", "error: other details"),
    "reason": ("every-bad-field", ("error", "reason"), "INTERNAL", "error: other reason"),
    "code": ("every-bad-field", ("error", "code"), 99, "error: other code"),
    "metadata": ("release-not-loaded", ("error", "metadata", "loaded_digest"), "", "error: other metadata"),
    "message": ("rule-not-found", ("error", "message"), "", "error: other message"),
}


def test_a_client_tells_an_answer_from_another(client: Language, target: str, tmp_path: Path) -> None:
    for changed, (name, way, other, _) in CHANGES.items():
        exchange = json.loads(_text(name))
        place = exchange
        for step in way[:-1]:
            place = place[step]
        place[way[-1]] = other
        (tmp_path / f"{changed}.json").write_text(json.dumps(exchange), encoding="utf-8")
    ran = client.replayed(target, tmp_path)
    assert ran.returncode == 1
    said = re.split(r"\n(?! )", ran.stdout)
    for changed, (*_, expected) in CHANGES.items():
        (found,) = (each for each in said if each.startswith(f"{changed}: differs\n"))
        assert expected in found


def _text(name: str) -> str:
    file = EXCHANGES / f"{name}.json"
    return file.read_text(encoding="utf-8") if file.exists() else ""
