"""What a site says of its senders: the zone of times that carry no offset."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from labgloss.errors import SettingsError


def zone_named(setting: str, name: str | None) -> tzinfo | None:
    """The zone of the IANA name; None for none. Raises SettingsError, which names the setting, for an unknown one."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        reason = "is no time zone that this machine knows; an IANA name such as Europe/Berlin is needed"
        raise SettingsError((f"{setting}: {reason}",)) from error
