"""Request bodies: read as they come, whole, or as XML, small and harmless.

WsgiDAV reads as much as a client announces, nothing at all of a chunked body, and DTDs.
"""

import io
from collections.abc import Iterator
from copy import copy
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from wsgidav.dav_error import HTTP_BAD_REQUEST, HTTP_REQUEST_ENTITY_TOO_LARGE, DAVError
from wsgidav.util import get_content_length

from davstore.wsgi import Environ

LONGEST_XML = 128 * 1024
BLOCK = 256 * 1024


def settle_xml(environ: Environ) -> Element | None:
    """The parsed body, None for an empty one; it stands in the environ to be read again.

    Raises `DAVError` for one that is too long or no XML.
    """
    body = whole(environ, LONGEST_XML)
    replace(environ, body)
    return parsed(body) if body else None


def parsed(body: bytes) -> Element:
    """The root of some XML; raises `DAVError` for what is none, or has a DTD."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise DAVError(HTTP_BAD_REQUEST, "The body is not XML that can be read.") from None
    return root


def property_changes(environ: Environ) -> dict[str, Element | None]:
    """What a PROPPATCH sets by name, and None for what it removes; the last word counts. RFC 4918
    section 9.2.

    Raises `DAVError`.
    """
    root = settle_xml(environ)
    if root is None or root.tag != "{DAV:}propertyupdate":
        raise DAVError(HTTP_BAD_REQUEST, "The body is no propertyupdate element.")
    return {
        prop.tag: prop if change.tag == "{DAV:}set" else None
        for change in root for prop in change.iterfind("{DAV:}prop/*")
    }  # fmt: skip


def element_text(element: Element) -> str:
    """An element as XML that stands for itself."""
    alone = copy(element)
    alone.tail = None
    return tostring(alone, encoding="unicode")


def replace(environ: Environ, body: bytes) -> None:
    """Put `body` in the place of the request's own, which has been read."""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def length(environ: Environ) -> int | None:
    """Of the body; None where it comes in chunks."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    return int(get_content_length(environ))


def blocks(environ: Environ, expected: int | None) -> Iterator[bytes]:
    """The body, piece by piece; raises 400 where it is not `expected` bytes long."""
    count = 0
    while expected is None or count < expected:
        wanted = BLOCK if expected is None else min(BLOCK, expected - count)
        block = environ["wsgi.input"].read(wanted)
        if not block:
            break
        environ["wsgidav.some_input_read"] = 1
        count += len(block)
        yield block
    if expected is not None and count != expected:
        raise DAVError(HTTP_BAD_REQUEST, "The body is not as long as announced.")
    environ["wsgidav.all_input_read"] = 1


def whole(environ: Environ, longest: int) -> bytes:
    """All of the body; raises 413 beyond `longest`, 400 where some is missing."""
    too_large = DAVError(
        HTTP_REQUEST_ENTITY_TOO_LARGE, f"More than {longest} bytes are not taken.",
        add_headers=[("Connection", "close")],  # the rest is not read
    )  # fmt: skip
    expected = length(environ)
    if expected is not None and expected > longest:
        raise too_large
    content = bytearray()
    for block in blocks(environ, expected):
        content += block
        if len(content) > longest:
            raise too_large
    return bytes(content)
