"""How torrents come into a simulated account at Real-Debrid, and leave it."""

import dataclasses
from typing import Any

from flask import Response, request

from davstore.simulator.adding import Asked, of_link, of_torrent
from davstore.simulator.filehost import FileHost
from davstore.simulator.site import json_answer
from davstore.simulator.store import SimulatedStore

MOST_ACTIVE = 25


class Adding(SimulatedStore):
    """Adding, choosing and deleting; what it says is the service's own."""

    def __init__(self, host: FileHost) -> None:
        super().__init__(host)
        self.converts = 0.0
        self.add_pause = 20.0
        self._last_add = -1e9
        self._converting: dict[str, float] = {}

    def _error(self, number: int, *, status: int | None = None, **more: Any) -> Response:
        raise NotImplementedError

    def _add_magnet(self) -> Response:
        link = request.form.get("magnet", "")
        asked = of_link(link)
        if not link:
            return self._error(1)
        return self._error(2) if asked is None else self._taken(asked)

    def _add_torrent(self) -> Response:
        asked = of_torrent(request.get_data())
        return self._error(30) if asked is None else self._taken(asked)

    def _taken(self, asked: Asked) -> Response:
        """A hash that is there already becomes another entry."""
        with self.lock:
            soon = self.clock() < self._last_add + self.add_pause
            self._last_add = self.clock()
        if soon:
            return self._error(34)
        if not self.premium:
            return self._error(20)
        refusal = self.refuses.get(asked.hash)
        if refusal is not None:
            return self._error(int(refusal))
        if self.active >= MOST_ACTIVE:
            return self._error(21)
        torrent = self.take(asked)
        place = f"{self.url}/torrents/info/{torrent}"
        return json_answer({"id": torrent, "uri": place}, 201, indent="\t")

    def _begin(self, magnet_id: str) -> None:
        self.change(magnet_id, status="queued", vendor_status="magnet_conversion", progress=0.0)
        self._converting[magnet_id] = self.clock() + self.converts
        self._grow()

    def _grow(self) -> None:
        with self.lock:
            for torrent, until in list(self._converting.items()):
                if self.clock() >= until:
                    del self._converting[torrent]
                    if torrent in self._magnets:
                        self.change(torrent, vendor_status="waiting_files_selection")
        super()._grow()

    def _select(self, torrent: str) -> Response:
        magnet = self._magnets.get(torrent)
        if magnet is None:
            return self._error(7)
        if magnet.vendor_status != "waiting_files_selection":
            return self._error(31)
        wanted = request.form.get("files", "")
        ids = set(map(str, range(1, len(magnet.files) + 1)))
        chosen = ids if wanted == "all" else set(wanted.split(","))
        if not chosen or not chosen <= ids:
            return self._error(2, status=404)
        files = [dataclasses.replace(file, selected=str(number) in chosen)
                 for number, file in enumerate(magnet.files, start=1)]  # fmt: skip
        self.change(torrent, files=files, vendor_status=None)
        super()._begin(torrent)
        return Response(status=204)

    def _delete(self, torrent: str) -> Response:
        if torrent not in self._magnets:
            return self._error(7)
        self.remove(torrent)
        return Response(status=204)
