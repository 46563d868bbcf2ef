"""Torrent files and magnet links for tests that drop them."""

import io

import torf


def torrent(name: str = "Sintel.mkv", size: int = 100_000) -> tuple[bytes, str]:
    """A torrent file of one file, and its hash."""
    made = torf.Torrent()
    made.metainfo["info"] = {
        "name": name, "length": size, "piece length": 2**16,
        "pieces": b"p" * 20 * -(-size // 2**16),
    }  # fmt: skip
    data = io.BytesIO()
    made.write_stream(data)
    return data.getvalue(), made.infohash


def link(hash_: str, name: str = "Sintel") -> str:
    """A magnet link."""
    return f"magnet:?xt=urn:btih:{hash_}&dn={name}"
