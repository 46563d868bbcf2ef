"""Outward HTTP: one session an account, paced, retried, decoded with care, kept in bounds.

`api` is what the stores call, `session` what it and the streams stand on. Nothing that leaves
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
from davstore.transport.session import MayReach, NotAllowed, Reach, Session, plain_reason

__all__ = [
    "Complaint",
    "Json",
    "MayReach",
    "NotAllowed",
    "Reach",
    "Reply",
    "Session",
    "Transport",
    "decoded",
    "error_of_status",
    "per_minute",
    "per_second",
    "plain_reason",
]
