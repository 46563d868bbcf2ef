"""Where playing has stopped, as properties of a file: read by PROPFIND, written by PROPPATCH.

They cost the service a call, so that only who names them, of one file, is told. RFC 4918 sections
9.1 and 9.2.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from xml.etree.ElementTree import Element

from wsgidav.dav_error import (
    HTTP_CONFLICT,
    HTTP_FAILED_DEPENDENCY,
    HTTP_FORBIDDEN,
    DAVError,
)

from davstore.dav.access.people import Person
from davstore.dav.access.rights import check_right, properties_said
from davstore.dav.http.bodies import property_changes, settle_xml
from davstore.dav.listing.properties import DURATION, POSITION, SERVICES
from davstore.errors import StoreError
from davstore.model import Leaf, Played, Position
from davstore.stores.plank.playing import Playing, player_of
from davstore.wsgi import Application, Environ

log = logging.getLogger(__name__)


class Playback:
    """The positions in files of these accounts."""

    def __init__(self, players: Mapping[str, Playing]) -> None:
        self._players = players

    def asked(self, environ: Environ, leaf: Leaf) -> Leaf:
        """`leaf` with its position, where this PROPFIND names that."""
        found = player_of(leaf, self._players)
        if found is None or environ.get("HTTP_DEPTH") != "0":
            return leaf
        root = settle_xml(environ)
        if root is None or not SERVICES & {each.tag for each in root.iterfind("{DAV:}prop/*")}:
            return leaf
        player, copy = found
        try:
            position = player.position(copy.file)
        except StoreError as error:
            log.info("no position of %s: %s", leaf.name, error)
            return leaf
        known = {each.name: getattr(leaf, each.name) for each in fields(Leaf)}
        return Played(**known, position=position)

    def patched(
        self, environ: Environ, href: str, leaf: Leaf, person: Person
    ) -> Application | None:
        """The answer to a PROPPATCH of `leaf`, all of it or nothing; None where it is not about
        positions. Raises `DAVError` and `StoreError`.
        """
        if player_of(leaf, self._players) is None:
            return None
        changes = property_changes(environ)
        if not SERVICES & changes.keys():
            return None
        check_right(person, "PROPPATCH")
        said = {name: _seconds(element) for name, element in changes.items()}
        faults = {
            name: HTTP_CONFLICT if name in SERVICES else HTTP_FORBIDDEN
            for name, seconds in said.items()
            if seconds is None or name not in SERVICES
        }
        if not faults:
            self._move(leaf, said)
        left = DAVError(HTTP_FAILED_DEPENDENCY) if faults else None
        told = {name: DAVError(faults[name]) if name in faults else left for name in said}
        return partial(properties_said, href=href, said=told)

    def _move(self, leaf: Leaf, said: Mapping[str, float | None]) -> None:
        found = player_of(leaf, self._players)
        assert found is not None
        player, copy = found
        known = Position(0.0) if said.keys() == SERVICES else player.position(copy.file)
        position = said.get(POSITION, known.seconds)
        player.move(copy.file, Position(position or 0.0, said.get(DURATION) or known.duration))


NO_PLAYBACK = Playback({})


def _seconds(element: Element | None) -> float | None:
    """What is to be written; what is removed begins anew. None for what is no number."""
    if element is None:
        return 0.0
    try:
        number = float((element.text or "").strip())
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 and len(element) == 0 else None
