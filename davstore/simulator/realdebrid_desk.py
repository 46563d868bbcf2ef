"""What Real-Debrid says of hosts, traffic, settings and media: fixed answers, but for settings."""

from typing import Any

from flask import Response, request

from davstore.simulator.hosters import Hosters
from davstore.simulator.site import json_answer

HOSTS: dict[str, dict[str, Any]] = {
    "example.com": {"id": "ex", "name": "Example", "image": "https://fcdn.example/e.png",
                    "supported": 1, "status": "up", "check_time": "2026-01-01T10:00:00.000Z",
                    "competitors_status": []},
    "example.org": {"id": "eo", "name": "Example Org", "image": "", "supported": 1,
                    "status": "down", "check_time": "2026-01-01T10:00:00.000Z",
                    "competitors_status": []},
    "example.net": {"id": "en", "name": "Example Net", "image": "", "supported": 0,
                    "status": "unsupported", "check_time": "", "competitors_status": []},
}  # fmt: skip
DOMAINS = ["example.com", "example.org", "www.example.com"]
TRAFFIC = {
    "remote": {"left": 500 * 2**30, "bytes": 0, "links": 0, "limit": 500, "type": "gigabytes",
               "extra": 0, "reset": "daily"},
    "example.com": {"left": 7_000_000_000, "bytes": 3_000_000_000, "links": 4, "limit": 10,
                    "type": "gigabytes", "extra": 0, "reset": "daily"},
}  # fmt: skip
DETAILS = {
    "2026-01-02": {"host": {"example.com": 3_000_000_000, "real-debrid.com": 9_000_000_000},
                   "bytes": 12_000_000_000},
    "2026-01-01": {"host": [], "bytes": 0},
}  # fmt: skip
MEDIA = {
    "filename": "Sintel", "hoster": "real-debrid.com", "link": "", "type": "movie",
    "season": None, "episode": None, "year": "2010", "duration": 888.0, "bitrate": 4_000_000,
    "size": 1, "details": {
        "video": {"und1": {"stream": "0:0", "lang": "Unknown", "lang_iso": "und",
                           "codec": "h264", "colorspace": "yuv420p", "width": 1920,
                           "height": 818}},
        "audio": {"eng1": {"stream": "0:1", "lang": "English", "lang_iso": "eng",
                           "codec": "aac", "sampling": 48000, "channels": 5.1}},
        "subtitles": [],
    },
}  # fmt: skip
_QUALITIES = ["original", "high", "medium", "low"]


class Settings:
    """The account's settings, which can be changed."""

    def __init__(self) -> None:
        self.values = {
            "download_ports": ["normal", "secured"], "download_port": "normal",
            "locales": {"en": "English", "fr": "Français"}, "locale": "en",
            "streaming_qualities": _QUALITIES, "streaming_quality": "original",
            "mobile_streaming_quality": "medium",
            "streaming_languages": {"eng": "English", "fre": "French"},
            "streaming_language_preference": "eng",
            "streaming_cast_audio": ["standard", "dolby"],
            "streaming_cast_audio_preference": "standard",
        }  # fmt: skip

    def update(self) -> bool:
        """Whether `POST /settings/update` was understood, and done."""
        name, value = request.form.get("setting_name", ""), request.form.get("setting_value", "")
        where = {
            "download_port": "download_ports", "locale": "locales",
            "streaming_language_preference": "streaming_languages",
            "streaming_quality": "streaming_qualities",
            "mobile_streaming_quality": "streaming_qualities",
            "streaming_cast_audio_preference": "streaming_cast_audio",
        }.get(name, "")  # fmt: skip
        if not where or value not in self.values[where]:
            return False
        self.values[name] = value
        return True


def folder(hosters: Hosters) -> Response:
    """`POST /unrestrict/folder`: nothing where it is none."""
    return json_answer(list(hosters.folders.get(request.form.get("link", ""), ())))


def container(hosters: Hosters, content: bytes) -> Response | None:
    """The links in a container; None where it is none."""
    links = hosters.containers.get(content)
    return None if links is None else json_answer(list(links))


def check(hosters: Hosters) -> Response | None:
    """`POST /unrestrict/check`; None for a link that is not known or down."""
    link = request.form.get("link", "")
    hosted = hosters.files.get(link)
    if hosted is None or hosted.down:
        return None
    return json_answer({"host": hosted.host, "link": link, "filename": hosted.file.name,
                        "filesize": hosted.file.size, "supported": 1})  # fmt: skip
