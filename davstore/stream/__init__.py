"""A link becomes bytes.

`streams` is the way in. A `stream` is one reader's way through one file: edges kept on disk
(`edges`, `containers`, `pieces`), windows, reading ahead. `delivery` brings a stretch of it over
as many connections as it takes, `source` opens a link and makes sure that what answers is the
file, `relay` moves the bytes. `http1`, `pool` and `wire` are the connections, `loop` is the thread
on which all of it runs, `running` says what runs now. Nothing here knows what a store or WebDAV is.
"""

from davstore.stream.relay import Sink
from davstore.stream.stream import Stream
from davstore.stream.streams import Body, Streams, Upstream
from davstore.stream.wire import Wire

__all__ = ["Body", "Sink", "Stream", "Streams", "Upstream", "Wire"]
