"""What Real-Debrid's answers are made of: errors, dates, and the oddities of its JSON."""

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from davstore.simulator.content import Content
from davstore.simulator.magnets import SimFile, SimMagnet

ERRORS = {
    -1: ("internal_error", 500), 1: ("parameter_missing", 400), 2: ("bad_parameter_value", 400),
    3: ("unknown_method", 404), 4: ("method_not_allowed", 405), 5: ("slow_down", 429),
    6: ("ressource_unreachable", 503), 7: ("unknown_ressource", 404), 8: ("bad_token", 401),
    9: ("permission_denied", 403), 10: ("twofactor_auth_needed", 401),
    11: ("twofactor_auth_pending", 401), 12: ("invalid_login", 401),
    13: ("invalid_password", 401), 14: ("account_locked", 403),
    15: ("account_not_activated", 403), 16: ("unsupported_hoster", 503),
    17: ("hoster_maintenance", 503), 18: ("hoster_limit_reached", 503),
    19: ("hoster_unavailable", 503), 20: ("hoster_not_free", 403),
    21: ("too_many_active_downloads", 509), 22: ("ip_not_allowed_203.0.113.7", 403),
    23: ("traffic_exhausted", 503), 24: ("unavailable_file", 503),
    25: ("service_unavailable", 503), 26: ("upload_too_big", 400), 27: ("upload_error", 503),
    28: ("file_not_allowed", 403), 29: ("torrent_too_big", 400),
    30: ("torrent_file_invalid", 400), 31: ("action_already_done", 202),
    32: ("image_resolution_error", 400), 33: ("torrent_already_active", 400),
    34: ("too_many_requests", 429), 35: ("infringing_file", 451), 36: ("fair_usage_limit", 503),
    37: ("disabled_endpoint", 403),
}  # fmt: skip


def _paris() -> tzinfo:
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        return timezone(timedelta(hours=1))


PARIS = _paris()


def date(moment: float) -> str:
    """Local time of Paris with a Z that is not true, as the service gives it."""
    return f"{datetime.fromtimestamp(moment, PARIS):%Y-%m-%dT%H:%M:%S.000Z}"


def archive(magnet: SimMagnet) -> SimFile:
    """The stored RAR of all selected files: somewhat larger than they are together."""
    size = sum(file.size for file in magnet.selected) + 4096
    return SimFile(f"{magnet.name}.rar", Content.random(f"rar of {magnet.infohash}", size))


def with_strings(body: Any) -> Any:
    """`body`, with every number as text."""
    if isinstance(body, dict):
        return {key: with_strings(value) for key, value in body.items()}
    if isinstance(body, list):
        return [with_strings(value) for value in body]
    return str(body) if isinstance(body, int | float) else body
