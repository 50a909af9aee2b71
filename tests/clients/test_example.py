"""The example of each client, run as its README says, prints an interpretation; or why there is none."""

from __future__ import annotations

import pytest

from tests.clients.languages import THERE, Language

# That of the one for Python stands in the README.
COMPILED = [language for language in THERE if language.needs]
pytestmark = pytest.mark.parametrize("client", COMPILED, indirect=True, ids=[language.name for language in COMPILED])


def test_it_prints_an_interpretation(client: Language, target: str) -> None:
    ran = client.example(target)
    assert ran.stdout.startswith("SAME_DAY: Contact with a clinician is needed the same day."), ran.stderr
    assert "- Magnesium 0.41 mmol/L is below the default interval" in ran.stdout
    assert "* Consider a 12-lead ECG the same day." in ran.stdout
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_a_service_it_says_so(client: Language) -> None:
    ran = client.example("127.0.0.1:9")
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "was not reached" in ran.stderr
