"""Request bodies that are XML, read before WsgiDAV sees them: whole, small and harmless.

WsgiDAV reads as much as a client announces, nothing at all of a chunked body, and DTDs.
"""

import io
from copy import copy
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from wsgidav.dav_error import HTTP_BAD_REQUEST, HTTP_REQUEST_ENTITY_TOO_LARGE, DAVError

from davstore.wsgi import Environ

LONGEST_XML = 128 * 1024


def settle_xml(environ: Environ) -> Element | None:
    """The parsed body, None for an empty one; it stands in the environ to be read again.

    Raises `DAVError` for one that is too long or no XML.
    """
    body = _read(environ)
    replace(environ, body)
    if not body:
        return None
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


def _read(environ: Environ) -> bytes:
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        wanted = LONGEST_XML + 1
    else:
        try:
            wanted = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            raise DAVError(HTTP_BAD_REQUEST, "The Content-Length is no number.") from None
    if not 0 <= wanted <= LONGEST_XML + 1:
        raise DAVError(HTTP_REQUEST_ENTITY_TOO_LARGE, "Too much XML.")
    body: bytes = environ["wsgi.input"].read(wanted) if wanted else b""
    if len(body) > LONGEST_XML:
        raise DAVError(HTTP_REQUEST_ENTITY_TOO_LARGE, "Too much XML.")
    environ["wsgidav.all_input_read"] = 1
    return body
