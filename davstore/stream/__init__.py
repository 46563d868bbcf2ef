"""A link becomes bytes.

`upstream` opens a link at a byte and makes sure that what answers is the file; nothing here
knows what a store or WebDAV is.
"""

from davstore.stream.upstream import Body, Upstream

__all__ = ["Body", "Upstream"]
