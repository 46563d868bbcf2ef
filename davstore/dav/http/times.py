"""Dates: those that clients say a file has, and those that they are told.

RFC 9110 section 5.6.7.
"""

import math
import time
from email.utils import parsedate_to_datetime
from functools import lru_cache

from werkzeug.http import http_date

TIMES = (
    "{urn:schemas-microsoft-com:}Win32LastModifiedTime",
    "{DAV:}getlastmodified",
    "{DAV:}lastmodified",
)
"""The properties by which clients set a file's date; the last one is rclone's."""
LATEST = 253_402_300_799.0  # the year 9999's last second: no later date can be written


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
    return moment if math.isfinite(moment) and 0 <= moment <= LATEST else None


def tellable(moment: float) -> float:
    """The nearest moment that can be written as a date; unix seconds."""
    return min(max(0.0, moment), LATEST)


@lru_cache(4096)
def modified(moment: float) -> str:
    """The value of Last-Modified, from unix seconds."""
    return http_date(int(tellable(moment)))


def date() -> str:
    """The value of Date as of now."""
    return _date(int(time.time()))


@lru_cache(1)
def _date(second: int) -> str:
    return http_date(second)
