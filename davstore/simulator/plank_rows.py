"""How Plank puts movies, shows, seasons and episodes into JSON, in both generations."""

import hashlib
import json
import uuid as uuids
from collections.abc import Set
from datetime import UTC, datetime
from typing import Any

from davstore.simulator.magnets import SimFile, SimMagnet

VIDEO = (".mp4", ".webm", ".mkv", ".avi", ".mov", ".m4v")
STATUS = {
    "old": {"ready": "complete", "queued": "added", "downloading": "downloading",
            "processing": "downloading", "failed": "error"},
    "new": {"ready": "complete", "queued": "pending", "downloading": "downloading",
            "processing": "downloading", "failed": "error"},
    "documented": {"ready": "completed", "queued": "added", "downloading": "downloading",
                   "processing": "downloading", "failed": "error"},
}  # fmt: skip
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*', " "))


def uuid(*parts: object) -> str:
    """A version 4 UUID, the same for the same parts."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()
    return str(uuids.UUID(bytes=digest, version=4))


def folder(magnet: SimMagnet) -> str:
    """`Title (Year)`, as it may stand on a disk."""
    name = f"{magnet.title or magnet.name}" + (f" ({magnet.year})" if magnet.year else "")
    return name.translate(_FORBIDDEN).rstrip(". ")


def playable(magnet: SimMagnet) -> list[SimFile]:
    """The videos; a show's are numbered where they have no number of their own."""
    found = [file for file in magnet.files if file.name.lower().endswith(VIDEO)]
    if magnet.kind == "movie":
        return found
    return [
        file if file.episode is not None
        else SimFile(**{**vars(file), "season": file.season or 1, "episode": number})
        for number, file in enumerate(found, start=1)
    ]  # fmt: skip


def episode_id(magnet_id: str, file: SimFile) -> str:
    """An episode's own id."""
    return uuid("episode", magnet_id, file.season, file.episode)


def inner_path(magnet: SimMagnet, file: SimFile) -> str:
    """Where a file stands within its title's folder."""
    if magnet.kind == "movie":
        return f"{folder(magnet)}.{file.name.rpartition('.')[2]}"
    return f"Season {file.season:02}/{file.name.translate(_FORBIDDEN)}"


def file_path(magnet: SimMagnet, file: SimFile) -> str:
    """`filePath`: a path on the machine that Plank runs on."""
    return f"./data/library/{folder(magnet)}/{inner_path(magnet, file)}"


def _date(moment: float | None) -> str:
    return f"{datetime.fromtimestamp(moment or 0, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _state(magnet: SimMagnet, generation: str, odd: Set[str]) -> dict[str, Any]:
    words = STATUS["documented" if "documented" in odd else generation]
    progress = magnet.percent if "documented" in odd else round(magnet.percent / 100, 4)
    return {"status": magnet.vendor_status or words[magnet.status], "progress": progress}


def _file(magnet: SimMagnet, file: SimFile | None, odd: Set[str]) -> dict[str, Any]:
    """Path and size, which are unknown until the file is there."""
    if file is None or magnet.status != "ready":
        return {"filePath": None, "fileSize": None}
    size = file.size + 4321 if "wrong_file_size" in odd else file.size
    return {"filePath": file_path(magnet, file), "fileSize": size}


def media(magnet_id: str, magnet: SimMagnet, generation: str, odd: Set[str]) -> dict[str, Any]:
    """The row of a movie or a show."""
    show = magnet.kind == "show"
    file = None if show else next(iter(playable(magnet)), None)
    kind = {"old": "tv", "new": "show"}[generation] if show else "movie"
    row: dict[str, Any] = {
        "id": magnet_id, "userId": "user-1", "organizationId": "profile", "type": kind,
        "title": magnet.title or magnet.name, "year": magnet.year,
        "posterUrl": f"/api/images/{magnet_id}.jpg", "backdropUrl": None, "overview": None,
        "magnetLink": f"magnet:?xt=urn:btih:{magnet.infohash}", "infohash": magnet.infohash,
        "tmdbId": None, "runtime": None, "genres": json.dumps(["Animation"]),
        "originalLanguage": "en", "certification": None,
        "totalSeasons": len({f.season for f in playable(magnet)}) if show else None,
        "addedAt": _date(magnet.added), "lastPlayedAt": None, "playPosition": 0,
        "playDuration": None,
    } | _state(magnet, generation, odd) | _file(magnet, file, odd)  # fmt: skip
    if generation == "new":
        row |= _new_members(magnet)
        if show and "null_show_status" in odd:
            row["status"] = None
    return row


def _new_members(magnet: SimMagnet) -> dict[str, Any]:
    nothing = ("imdbId", "parentId", "seasonId", "episodeNumber", "seasonNumber", "displayOrder",
               "stillPath", "airDate", "fileIndex", "downloadedBytes")  # fmt: skip
    return dict.fromkeys(nothing) | {"createdAt": _date(magnet.added)}


def seasons(
    magnet_id: str, magnet: SimMagnet, generation: str, odd: Set[str]
) -> list[dict[str, Any]]:
    """The seasons of a show with their episodes; in the old generation also one to come."""
    found = []
    for season in sorted({file.season or 0 for file in playable(magnet)}):
        files = [file for file in playable(magnet) if file.season == season]
        season_id = uuid("season", magnet_id, season)
        episode = _old_episode if generation == "old" else _new_episode
        episodes = [episode(magnet_id, season_id, magnet, file, odd) for file in files]
        if generation == "old":
            episodes.append(_announced(episodes[-1]))
        found.append({
            "id": season_id, "mediaId": magnet_id, "seasonNumber": season,
            "name": f"Season {season}", "overview": None, "posterPath": None, "airDate": None,
            "episodeCount": len(episodes), "createdAt": _date(magnet.added),
            "episodes": episodes,
        })  # fmt: skip
    return found


def _old_episode(
    magnet_id: str, season_id: str, magnet: SimMagnet, file: SimFile, odd: Set[str]
) -> dict[str, Any]:
    return {
        "id": episode_id(magnet_id, file), "seasonId": season_id, "downloadId": None,
        "episodeNumber": file.episode, "title": file.title or f"Episode {file.episode}",
        "overview": None, "stillPath": None, "runtime": None, "airDate": None, "fileIndex": 0,
        "downloadedBytes": file.size, "displayOrder": file.episode, "playPosition": 0,
        "playDuration": None, "createdAt": _date(magnet.added),
        "status": _state(magnet, "old", odd)["status"],
    } | _file(magnet, file, odd)  # fmt: skip


def _announced(last: dict[str, Any]) -> dict[str, Any]:
    """The next episode: listed, but nobody has it yet."""
    number = last["episodeNumber"] + 1
    return last | {
        "id": uuid("announced", last["id"]), "episodeNumber": number, "displayOrder": number,
        "title": f"Episode {number}", "filePath": None, "fileSize": None, "status": "pending",
        "downloadedBytes": None, "fileIndex": None,
    }  # fmt: skip


def _new_episode(
    magnet_id: str, season_id: str, magnet: SimMagnet, file: SimFile, odd: Set[str]
) -> dict[str, Any]:
    movie = SimMagnet(**{**vars(magnet), "kind": "movie"})
    return media(episode_id(magnet_id, file), movie, "new", odd) | {
        "type": "episode", "title": file.title or f"Episode {file.episode}", "year": None,
        "parentId": magnet_id, "seasonId": season_id, "seasonNumber": file.season,
        "episodeNumber": file.episode, "displayOrder": file.episode, "magnetLink": None,
        "fileIndex": 0, "downloadedBytes": file.size,
    } | _file(magnet, file, odd)  # fmt: skip
