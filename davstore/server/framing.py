"""Whether a request's head leaves no doubt where the request ends: RFC 9112 sections 5 and 6.3.

A proxy in front and we must not read it differently: what hides in a body would pass for another
request. Nobody who means well sends the like.
"""

import re

_LINES = re.compile(
    rb"(?:\r\n)*[^\r\n\0]*\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*\r\n"
)
_FRAMING = re.compile(
    rb"\r\n(content-length|transfer-encoding):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_LENGTH = re.compile(rb"[0-9]{1,18}")


def is_plain(head: bytes) -> bool:
    """Whether all lines of `head` are what they should be, and at most one says how long the body
    is.
    """
    if not _LINES.fullmatch(head):
        return False
    said = _FRAMING.findall(head)
    if not said:
        return True
    name, value = said[0]
    if len(said) > 1:
        return False
    return name.lower() != b"content-length" or _LENGTH.fullmatch(value) is not None
