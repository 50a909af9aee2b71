"""The examples of deploy/http.md work as they stand there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests import external_tools
from tests.http.test_process import in_process

external_tools.needs("curl", to="run the examples of deploy/http.md")

PAGE = (Path(__file__).parents[2] / "deploy" / "http.md").read_text()
EXAMPLES = [
    example
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for example in re.split(r"^(?=curl )", block, flags=re.MULTILINE)
    if example.startswith("curl ")
]
ANSWERS = ["report", "type", "services", "cards"]


def test_there_is_an_example_of_each_kind() -> None:
    assert len(ANSWERS) == len(EXAMPLES)


@pytest.mark.parametrize(("example", "key"), list(zip(EXAMPLES, ANSWERS, strict=False)), ids=ANSWERS)
def test_an_example_is_answered_as_it_says(example: str, key: str, target: str) -> None:
    with in_process(target) as port:
        command = example.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30).stdout
    answer = json.loads(said)
    assert answer[key]
    if key == "cards":
        assert "critical" == answer["cards"][0]["indicator"]
    if key == "report":
        assert "low-magnesium" == answer["report"]["panel_id"]
