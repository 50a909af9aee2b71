"""Which clients are tested here: one line of skip for each whose tools are missing, a failure with CI=true."""

from __future__ import annotations

import pytest

from tests.clients.languages import LANGUAGES, THERE, Language
from tests.external_tools import needs


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: str(language.name))
def test_what_a_client_needs_is_there(language: Language) -> None:
    needs(*language.needs, to=f"run the client for {language.name}")
    assert language in THERE
