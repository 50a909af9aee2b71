"""What a site says of its senders: the zone of times that carry no offset."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from labgloss.errors import SettingsError

WRONG_ZONE = "is no time zone that this machine knows; an IANA name such as Europe/Berlin is needed"


def zone_of(name: str) -> tzinfo | None:
    """The zone of an IANA name; None for none. Raises ValueError for one that this machine does not know."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(WRONG_ZONE) from error


def zone_named(setting: str, name: str | None) -> tzinfo | None:
    """The zone of an IANA name; None for none. Raises SettingsError, which names the setting, for an unknown one."""
    try:
        return zone_of(name or "")
    except ValueError as error:
        raise SettingsError((f"{setting}: {error}",)) from error
