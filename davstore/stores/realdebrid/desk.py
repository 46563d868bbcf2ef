"""What an owner asks of the account: who it is, its traffic, its hosts and its settings."""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from urllib.parse import quote

from davstore.errors import StoreUnavailable, UnexpectedReply
from davstore.model import Account, Choice, File, HostState, Quota, Used
from davstore.stores.base import certain
from davstore.stores.realdebrid.api import NO_API
from davstore.stores.realdebrid.links import Links
from davstore.stores.realdebrid.shapes import Active, HostRow, MediaInfos, Traffic, User, local
from davstore.stores.shapes import legible, objects, read, whole
from davstore.transport import Json

SETTINGS: Mapping[str, str] = {
    "download_port": "download_ports",
    "locale": "locales",
    "streaming_language_preference": "streaming_languages",
    "streaming_quality": "streaming_qualities",
    "mobile_streaming_quality": "streaming_qualities",
    "streaming_cast_audio_preference": "streaming_cast_audio",
}
"""What can be changed, and where the service says to what."""
_UNIT = {"gigabytes": ("bytes", 2**30), "bytes": ("bytes", 1), "links": ("links", 1)}
"""In what a limit is said; what is left is in bytes, or links, in any case."""


class Desk(Links):
    """What is asked by command."""

    def account(self) -> Account:
        """`GET /user`."""
        with certain(self.name, NO_API):
            user = read(User, self._api.get("/user", urgent=True).body, self.name)
        return Account(user.username, user.type, local(user.expiration) or None)

    def limits(self) -> tuple[Quota, ...]:
        """Active torrents, and the traffic of those hosts that have a limit."""
        with certain(self.name, NO_API):
            active = read(Active, self._api.get("/torrents/activeCount").body, self.name)
            traffic = objects(self._api.get("/traffic").body)
        left = None if active.limit is None else max(0, active.limit - (active.nb or 0))
        found = [Quota("active", left, active.limit, "torrents")]
        for host, value in traffic.items():
            row = legible(Traffic, value)
            if row is not None and row.limit is not None:
                unit, factor = _UNIT.get(row.type, (row.type, 1))
                limit = row.limit * factor + (row.extra or 0)
                found.append(Quota(f"{host}, {row.reset}", row.left, limit, unit))
        return tuple(found)

    def usage(self) -> tuple[Used, ...]:
        """`GET /traffic/details` of the last week."""
        with certain(self.name, NO_API):
            days = objects(self._api.get("/traffic/details").body)
        return tuple(
            Used(day, host, size)
            for day, of_day in sorted(days.items())
            for host, told in objects(objects(of_day).get("host")).items()
            if (size := whole(told)) is not None
        )

    def skew(self) -> float:
        """By `GET /time/iso`, which needs no login."""
        with certain(self.name, NO_API):
            said = self._api.call("GET", "/time/iso", decode=_text).body
        try:
            return self._now() - datetime.strptime(said.strip(), "%Y-%m-%dT%H:%M:%S%z").timestamp()
        except ValueError:
            raise UnexpectedReply(self.name, "unexpected reply: no time") from None

    def hosts(self) -> tuple[HostState, ...]:
        """All hosts with their state, and further domains that belong to none of them by name."""
        with certain(self.name, NO_API):
            states = objects(self._api.get("/hosts/status").body)
            known = {str(d) for d in self._list("/hosts/domains")}
        found = {}
        for domain, value in states.items():
            row = legible(HostRow, value)
            if row is not None and row.supported:
                found[domain] = HostState(row.name or domain, (domain,), row.status == "up")
        for domain in sorted(known - found.keys()):
            found[domain] = HostState(domain, (domain,))
        return tuple(sorted(found.values(), key=lambda host: host.name.lower()))

    def choices(self) -> tuple[Choice, ...]:
        """`GET /settings`."""
        with certain(self.name, NO_API):
            body = objects(self._api.get("/settings").body)
        return tuple(
            Choice(name, str(body.get(name) or ""), _allowed(body.get(where)))
            for name, where in SETTINGS.items()
        )

    def tune(self, name: str, value: str) -> None:
        """`POST /settings/update`."""
        form = {"setting_name": name, "setting_value": value}
        with certain(self.name, NO_API):
            self._api.post("/settings/update", form)

    def media(self, file: File) -> tuple[str, ...]:
        """What is known of a film's length, picture, sound and subtitles, a line each."""
        id_ = self.unrestricted(file.ref, urgent=True).id
        body = self._api.get(f"/streaming/mediaInfos/{quote(id_, safe='')}", urgent=True).body
        infos = read(MediaInfos, body, self.name)
        details = objects(infos.details)
        tracks = chain.from_iterable(
            ((kind, objects(track)) for track in objects(details.get(kind)).values())
            for kind in ("video", "audio", "subtitles")
        )
        length = f"{infos.duration / 60:.0f} min" if infos.duration else ""
        lines = [" ".join(filter(None, (infos.type, length)))]
        return tuple(filter(None, (*lines, *(_track(kind, track) for kind, track in tracks))))

    def transcoded(self, file: File) -> str:
        """The address of an HLS playlist of `file`, transcoded as the account's settings say."""
        id_ = self.unrestricted(file.ref, urgent=True).id
        body = self._api.get(f"/streaming/transcode/{quote(id_, safe='')}", urgent=True).body
        apple = objects(objects(body).get("apple"))
        url = str(apple.get("full") or next(iter(apple.values()), ""))
        if not url.startswith("https://") and not url.startswith("http://"):
            raise StoreUnavailable(self.name, "Real-Debrid does not transcode this file")
        return url

    def _list(self, path: str) -> list[Json]:
        body = self._api.get(path).body
        return body if isinstance(body, list) else list(objects(body).values())


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _allowed(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | dict) else ()


def _track(kind: str, track: Mapping[str, Json]) -> str:
    size = f"{track['width']}x{track['height']}" if track.get("width") else ""
    channels = f"{track['channels']} channels" if track.get("channels") else ""
    said = (track.get("codec"), track.get("type"), size, channels, track.get("lang"))
    return f"{kind}: {' '.join(str(word) for word in said if word)}"
