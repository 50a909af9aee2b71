"""What readers of settings take of a text, and what they say that they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labgloss.readers import (
    Reader,
    choice,
    flag,
    host_and_port,
    host_name,
    number,
    path,
    pattern,
    text,
    whole,
)

PORT = whole(0, 65_535, "a port from {} to {}")
SECONDS = number(0.5, 86_400, "seconds from {} to {}")


@pytest.mark.parametrize(
    ("reader", "given", "value"),
    [
        *((PORT, given, 80) for given in ("80", " 80 ", "+80", "0080", "8_0")),
        (PORT, "0", 0),
        (PORT, "65535", 65_535),
        *((SECONDS, given, 10.0) for given in ("10", "10.0", "1e1", " 10.", "+10")),
        (SECONDS, "0.5", 0.5),
        *((flag(""), given, True) for given in ("true", "True", "TRUE", "t", "yes", "Y", "on", "1")),
        *((flag(""), given, False) for given in ("false", "False", "F", "no", "n", "OFF", "0")),
        (choice("debug", "info"), "info", "info"),
        (pattern("[a-z]+", ""), "abc", "abc"),
        *((host_name(""), given, given) for given in ("127.0.0.1", "::1", "a.b.", "lab-1.example", "a" * 63)),
        *((host_and_port(""), given, given) for given in ("lab.example:1", "[::1]:65535")),
        (text(""), "", ""),
        (path(""), "a/b", Path("a/b")),
    ],
)
def test_a_text_is_read(reader: Reader[Any], given: str, value: object) -> None:
    read = reader.read(given)
    assert (value, type(value)) == (read, type(read))


@pytest.mark.parametrize(
    ("reader", "given"),
    [
        *(
            (PORT, given)
            for given in ("", "-1", "65536", "80.0", "1e2", "8__0", "0x10", "nan", "true", "٨", "9" * 5_000)
        ),
        *((SECONDS, given) for given in ("", "0.49", "86400.1", "nan", "inf", "-inf", "1e999", "ten", "٨")),
        *((flag(""), given) for given in ("", "2", "-1", "perhaps", " true", "None")),
        *((choice("debug", "info"), given) for given in ("", "INFO", "inf", "debug, info")),
        *((pattern("[a-z]+", ""), given) for given in ("", "abc\n", "a b", "abcD")),
        *((host_name(""), given) for given in ("", "a..b", ".a", "a" * 64, f"{'a' * 64}.b", "a b", "\u00e4", "[::1]")),
        *((host_and_port(""), given) for given in ("a", "a..b:1", f"{'a' * 64}:1", "a:0", "a:65536", "::1:1", "a:1 ")),
    ],
)
def test_any_other_text_is_not(reader: Reader[Any], given: str) -> None:
    with pytest.raises(ValueError):
        reader.read(given)


def test_what_is_allowed_is_said_of_the_range() -> None:
    assert ("a port from 0 to 65535", "seconds from 0.5 to 86400") == (PORT.allowed, SECONDS.allowed)
    assert "debug, info or error" == choice("debug", "info", "error").allowed
