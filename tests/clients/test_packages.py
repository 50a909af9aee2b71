"""The packages that the READMEs of the clients name are those that tests/install_tools installs, where CI runs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readmes_and_install_tools_name_the_same_packages() -> None:
    named: set[str] = set()
    for readme in (ROOT / "clients").glob("*/README.md"):
        for line in re.findall(r"^apt-get install (.*)$", readme.read_text(encoding="utf-8"), re.MULTILINE):
            named.update(line.split())
    found = re.search(
        r"^client_packages=\((.*?)\)", (ROOT / "tests" / "install_tools").read_text(), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    assert set(found[1].split()) == named
