"""The dates that clients say a file has."""

import math
from email.utils import parsedate_to_datetime

TIMES = (
    "{urn:schemas-microsoft-com:}Win32LastModifiedTime",
    "{DAV:}getlastmodified",
    "{DAV:}lastmodified",
)
"""The properties by which clients set a file's date; the last one is rclone's."""
_LATEST = 253_402_300_799.0  # the year 9999's last second: no later date can be written


def date_of(text: str | None) -> float | None:
    """A moment as an HTTP date, or as seconds since 1970; None where it is neither."""
    if not text:
        return None
    try:
        moment = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError, TypeError):
            return None
    return moment if math.isfinite(moment) and 0 <= moment <= _LATEST else None
