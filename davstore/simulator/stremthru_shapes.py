"""How StremThru puts magnets, files and errors into JSON; the two APIs differ in errors."""

from collections.abc import Set
from datetime import UTC, datetime
from typing import Any

from davstore.simulator.magnets import SimFile, SimMagnet

STATUS = {
    "ready": "downloaded",
    "queued": "queued",
    "downloading": "downloading",
    "processing": "processing",
    "failed": "failed",
}
HTTP = {
    "BAD_GATEWAY": 502, "BAD_REQUEST": 400, "CONFLICT": 409, "FORBIDDEN": 403, "GONE": 410,
    "INTERNAL_SERVER_ERROR": 500, "LOCKED": 423, "METHOD_NOT_ALLOWED": 405, "NOT_FOUND": 404,
    "NOT_IMPLEMENTED": 501, "PAYMENT_REQUIRED": 402, "PROXY_AUTHENTICATION_REQUIRED": 407,
    "SERVICE_UNAVAILABLE": 503, "TOO_MANY_REQUESTS": 429, "UNAUTHORIZED": 401,
    "UNAVAILABLE_FOR_LEGAL_REASONS": 451, "UNPROCESSABLE_ENTITY": 422,
    "UNSUPPORTED_MEDIA_TYPE": 415, "STORE_MAGNET_INVALID": 400, "STORE_NAME_INVALID": 400,
    # These keep the status of the store behind; these are Real-Debrid's.
    "UNKNOWN": 503, "STORE_LIMIT_EXCEEDED": 503, "STORE_SERVER_DOWN": 503,
}  # fmt: skip


class ApiError(Exception):
    """An error of the instance itself or, where `upstream`, of the store behind it."""

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int | None = None,
        *,
        location: str = "",
        upstream: bool = False,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or code.replace("_", " ").title()
        self.status = status or HTTP.get(code, 500)
        self.location = location
        self.upstream = upstream


def failed(error: ApiError, *, torz: bool, store_name: str) -> dict[str, Any]:
    """The body of an error in the shape of the Torz API or of the Store API."""
    if torz:
        errors = [{"message": error.message, "location": error.location, "locationType": "query"}]
        own = {"errors": errors if error.location else []}
    else:
        own = _store_api(error, store_name)
    return {"error": {"code": error.code, "message": error.message} | own}


def _store_api(error: ApiError, store_name: str) -> dict[str, Any]:
    if not error.upstream:
        return {"request_id": "d2pgsimulated", "type": "api_error", "method": "GET",
                "path": "/v0/store", "status_code": error.status, "__cause__": {}}  # fmt: skip
    return {
        "request_id": "", "type": "upstream_error", "method": "GET",
        "path": "/rest/1.0/torrents/info/SECRETOFUPSTREAM", "status_code": error.status,
        "store_name": store_name, "__upstream_cause__": {"error": error.message, "error_code": 7},
    }  # fmt: skip


def row(magnet_id: str, magnet: SimMagnet, odd: Set[str]) -> dict[str, Any]:
    """A magnet without its files."""
    added = datetime.fromtimestamp(magnet.added or 0, UTC)
    infohash = magnet.infohash
    return {
        "id": magnet_id,
        "hash": infohash.upper() if "upper_hash" in odd else infohash,
        "name": magnet.name,
        "size": -1 if "unknown_sizes" in odd else magnet.size,
        "status": magnet.vendor_status or STATUS[magnet.status],
        "private": False,
        "added_at": f"{added:%Y-%m-%dT%H:%M:%SZ}",
    }


def file_row(number: int, file: SimFile, link: str, odd: Set[str]) -> dict[str, Any]:
    """A file of a magnet; without `link` where there is none."""
    unknown = "unknown_sizes" in odd
    flat = "duplicate_paths" in odd
    path = f"/{file.name}" if flat else f"/{file.path}"
    shown = {
        "index": -1 if unknown else number % 2 if flat else number,
        "link": link,
        "path": "" if "no_paths" in odd else path,
        "name": file.name,
        "size": -1 if unknown else file.size,
        "source": "rd",
    }
    return shown if link else {key: value for key, value in shown.items() if key != "link"}
