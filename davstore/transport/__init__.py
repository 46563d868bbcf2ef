"""Outward HTTP: one session an account, paced, retried, decoded with care, kept in bounds.

`api` is what the stores call, `session` what it stands on; `dial` (with `tls`) connects for the
streams, `rate_limits` keeps the pace, `notices` is how hooks are told. Nothing that leaves
here as an error or a log line holds a query, a header or a body.
"""

from davstore.transport.api import (
    Complaint,
    Json,
    Reply,
    Transport,
    decoded,
    error_of_status,
    per_minute,
    per_second,
)
from davstore.transport.dial import AnySocket, Dialer, Line
from davstore.transport.notices import Answer, Notices
from davstore.transport.probe import Unreachable, Way, way
from davstore.transport.rate_limits import Together
from davstore.transport.session import (
    MAX_REDIRECTS,
    USER_AGENT,
    MayReach,
    NotAllowed,
    Reach,
    Session,
    plain_reason,
)
from davstore.transport.tls import TlsSocket, server_context

__all__ = [
    "MAX_REDIRECTS",
    "USER_AGENT",
    "Answer",
    "AnySocket",
    "Complaint",
    "Dialer",
    "Json",
    "Line",
    "MayReach",
    "NotAllowed",
    "Notices",
    "Reach",
    "Reply",
    "Session",
    "TlsSocket",
    "Together",
    "Transport",
    "Unreachable",
    "Way",
    "decoded",
    "error_of_status",
    "per_minute",
    "per_second",
    "plain_reason",
    "server_context",
    "way",
]
