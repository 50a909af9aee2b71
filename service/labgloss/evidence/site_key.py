"""The site's key, under which requests and reports are known by a digest that nobody without it can guess."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from labgloss.errors import SettingsError
from labgloss.files import content_of

_LEAST_BYTES = 32
_MOST_BYTES = 4_096
# Of SHA-256.
_BLOCK_BYTES = 64


class SiteKey:
    """HMAC-SHA-256 under one key. `fingerprint` tells one key from another, and nothing else of it."""

    def __init__(self, secret: bytes) -> None:
        # RFC 2104, with what the key does to both hashes done once: hmac.digest looks the algorithm up each time.
        block = (sha256(secret).digest() if len(secret) > _BLOCK_BYTES else secret).ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))
        self.fingerprint = self.digest(b"labgloss site key")[:16]

    def digest(self, content: bytes) -> str:
        """The digest of a content, in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(content)
        outer.update(inner.digest())
        return outer.hexdigest()


def read_key(path: Path, setting: str = "audit_key") -> SiteKey:
    """The key that a file holds, without the line break at its end.

    Raises SettingsError when it cannot be read, or its length is not from 32 to 4096 bytes.
    """
    mend = f"give a file of {_LEAST_BYTES} to {_MOST_BYTES} random bytes, as `openssl rand -hex 32` writes them"
    try:
        secret = content_of(path, _MOST_BYTES + 3)
    except OSError as error:
        raise SettingsError((f"{setting}: {path} cannot be read: {error.strerror}; {mend}",)) from None
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not _LEAST_BYTES <= len(secret) <= _MOST_BYTES:
        raise SettingsError((f"{setting}: {path} does not hold a key; {mend}",))
    return SiteKey(secret)
