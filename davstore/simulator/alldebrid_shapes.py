"""How AllDebrid puts a magnet, its files and its errors into JSON."""

import random
from collections.abc import Sequence, Set
from typing import Any

from davstore.simulator.magnets import SimFile, SimMagnet


class ApiError(Exception):
    """One of the documented codes."""


STATUS = {"queued": 0, "downloading": 1, "processing": 2, "ready": 4, "failed": 15}
WORDS = {
    0: "In Queue", 1: "Downloading", 2: "Compressing / Moving", 3: "Uploading", 4: "Ready",
    5: "Error : Upload fail", 6: "Error : Internal error on unpacking",
    7: "Error : Not downloaded in 20 min", 8: "Error : File too big",
    9: "Error : Internal error", 10: "Error : Download took more than 72h",
    11: "Error : Deleted on the hoster website", 12: "Error : Processing failed",
    13: "Error : Processing failed", 14: "Error : Error while contacting tracker",
    15: "Error : File not available - no peer",
}  # fmt: skip

ERRORS = {
    "404": "Endpoint doesn't exist",
    "AUTH_MISSING_APIKEY": "The auth apikey was not sent",
    "AUTH_BAD_APIKEY": "The auth apikey is invalid",
    "AUTH_BLOCKED": "This apikey is <b>blocked</b> for this address, see your e-mail",
    "AUTH_USER_BANNED": "This account is banned",
    "DISCONTINUED": "This endpoint was discontinued",
    "MAINTENANCE": "Alldebrid is under maintenance",
    "LINK_IS_MISSING": "No link was sent",
    "LINK_HOST_NOT_SUPPORTED": "This host or link is not supported",
    "LINK_NOT_SUPPORTED": "This link is not supported for this host",
    "LINK_DOWN": "This link is not available on the file hoster website",
    "MUST_BE_PREMIUM": "You must be premium to process this link",
    "MAGNET_INVALID_ID": "This magnet ID does not exists or is invalid",
    "MAGNET_NO_URI": "No magnet provided",
    "MAGNET_INVALID_URI": "Magnet is not valid",
    "MAGNET_INVALID_FILE": "File is not a valid torrent",
    "MAGNET_MUST_BE_PREMIUM": "You must be premium to use this feature",
    "MAGNET_TOO_MANY_ACTIVE": "Already have maximum allowed active magnets (30)",
    "MAGNET_TOO_LARGE": "The magnet is too large",
    "MAGNET_PROCESSING": "Magnet is processing or completed",
    "STREAM_INVALID_GEN_ID": "Invalid generation ID",
    "STREAM_INVALID_STREAM_ID": "Invalid stream ID",
    "DELAYED_INVALID_ID": "This delayed link id is invalid",
    "NO_SERVER": "Servers are not allowed to use this feature",
}


def row(magnet_id: str, magnet: SimMagnet) -> dict[str, Any]:
    """A magnet as magnet/status shows it; transfer counters only while there is a transfer."""
    status = magnet.vendor_status
    number = status if isinstance(status, int) else STATUS[magnet.status]
    added = int(magnet.added or 0)
    shown: dict[str, Any] = {
        "id": int(magnet_id),
        "filename": magnet.name,
        "hash": magnet.infohash,
        "size": magnet.size,
        "status": WORDS.get(number, "Unknown"),
        "statusCode": number,
        "uploadDate": added,
        "completionDate": added + 100 if number >= 4 else 0,
        "type": "m",
        "notified": False,
        "version": 2,
    }
    if number < 4:
        shown |= {
            "downloaded": int(magnet.size * magnet.percent / 100), "uploaded": 0, "seeders": 7,
            "downloadSpeed": 18_874_368, "uploadSpeed": 0, "processingPerc": 0,
        }  # fmt: skip
    if number == 4:
        shown["nbLinks"] = len(magnet.files)
    return shown


def shaped(rows: list[dict[str, Any]], odd: Set[str]) -> Any:
    """`magnets` as a list, or as one of the things that it sometimes is."""
    if "magnets_object" in odd and len(rows) == 1:
        return rows[0]
    if "magnets_map" in odd:
        return {str(row["id"]): row for row in rows} or []
    return rows


def files_tree(magnet: SimMagnet, links: Sequence[str], odd: Set[str]) -> list[dict[str, Any]]:
    """Files in folders: `n` name, `s` size, `l` link, `e` what a folder holds."""
    root: list[dict[str, Any]] = []
    top: list[dict[str, Any]] = root
    wrap = len(magnet.files) > 1 if magnet.folder is None else magnet.folder
    if wrap:
        top = []
        root.append({"n": magnet.name, "e": top})
    for file, link in zip(magnet.files, links, strict=True):
        place = top
        for folder in file.path.split("/")[:-1]:
            place = _folder(place, folder)
        size: int | str = str(file.size) if "string_sizes" in odd else file.size
        place.append({"n": file.name, "s": size, "l": link})
    if "shuffled" in odd:
        _shuffle(root)
    if "e_object" in odd:
        _unwrap(root)
    return root


def _folder(place: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    for node in place:
        if node["n"] == name and "e" in node:
            inside: list[dict[str, Any]] = node["e"]
            return inside
    place.append({"n": name, "e": []})
    created: list[dict[str, Any]] = place[-1]["e"]
    return created


def _shuffle(nodes: list[dict[str, Any]]) -> None:
    random.shuffle(nodes)
    for node in nodes:
        _shuffle(node.get("e", []))


def _unwrap(nodes: list[dict[str, Any]]) -> None:
    for node in nodes:
        if "e" in node:
            _unwrap(node["e"])
            if len(node["e"]) == 1:
                node["e"] = node["e"][0]


def unlocked(file: SimFile, odd: Set[str]) -> dict[str, Any]:
    """What link/unlock says besides the link itself."""
    size: int | str = str(file.size) if "string_sizes" in odd else file.size
    return {
        "host": "alldebrid", "hostDomain": "alldebrid.com", "filename": file.name,
        "streaming": [], "paws": False, "filesize": size, "path": [], "max_chunks": 16,
    }  # fmt: skip
