"""A site's key is read whole, or not taken."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from labgloss.errors import SettingsError
from labgloss.evidence.site_key import SiteKey, read_key


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_break_at_the_end_is_not_of_the_key(end: bytes, tmp_path: Path) -> None:
    secret = b"k" * 32
    (tmp_path / "key").write_bytes(secret + end)
    key = read_key(tmp_path / "key")
    assert hmac.new(secret, b"content", hashlib.sha256).hexdigest() == key.digest(b"content")
    assert SiteKey(secret).fingerprint == key.fingerprint
    assert SiteKey(b"x" * 32).fingerprint != key.fingerprint


@pytest.mark.parametrize("content", [b"", b"short\n", b"k" * 31 + b"\n", b"k" * 4_097])
def test_what_is_too_short_or_too_long_is_no_key(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        read_key(tmp_path / "key")
    mend = "give a file of 32 to 4096 random bytes, as `openssl rand -hex 32` writes them"
    assert f"audit_key: {tmp_path / 'key'} does not hold a key; {mend}" == str(raised.value)


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"audit_key: .*missing cannot be read: No such file or directory; give"):
        read_key(tmp_path / "missing")


@pytest.mark.parametrize("length", [32, 63, 64, 65, 4_096])
@pytest.mark.parametrize("content", [b"", b"panel", b"report" * 5_000], ids=len)
def test_a_digest_is_the_hmac_of_the_standard_library(length: int, content: bytes) -> None:
    secret = bytes(number % 256 for number in range(length))
    key = SiteKey(secret)
    # Twice: nothing is left behind.
    assert [hmac.digest(secret, content, "sha256").hex()] * 2 == [key.digest(content), key.digest(content)]
