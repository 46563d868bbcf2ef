"""What StremThru's error codes mean; its two APIs have the same ones."""

from collections.abc import Mapping

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    Preparing,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)


class Invalid(Gone):
    """A magnet that the store does not know or, when it is added, cannot use."""


NOTICES: Mapping[str, tuple[type[StoreError], str]] = {
    "401": (NotAuthorized, "the login or the store's token is wrong"),
    "403": (AccountProblem, "the store forbids this: unpaid, locked, or address refused"),
    "429": (RateLimited, "too many requests"),
    "451": (Refused, "refused as infringing"),
    "500": (StoreUnavailable, "StremThru fails"),
    "content_proxy_limit_reached": (StoreUnavailable, "too many connections through its proxy"),
    "download_failed": (Gone, "the store could not download it"),
    "downloading": (Preparing, "the store is still downloading it"),
    "no_matching_file": (Gone, "no longer in the account"),
    "payment_required": (AccountProblem, "the store needs a premium account"),
    "store_limit_exceeded": (QuotaExhausted, "a limit of the store is reached"),
}
"""The small videos that it shows in place of a file, `/v0/store/_/static/<name>.mp4`."""

# Every code of the service. Where it tells an upstream's trouble, its own words are not kept.
ERRORS: Mapping[str, tuple[type[StoreError], str]] = {
    "BAD_GATEWAY": (StoreUnavailable, "the store behind StremThru fails"),
    "BAD_REQUEST": (UnexpectedReply, "our request was not understood"),
    "CONFLICT": (StoreUnavailable, "busy with the same thing"),
    "FORBIDDEN": (AccountProblem, "the store forbids this: unpaid, locked, or address refused"),
    "GONE": (Gone, "no longer in the account"),
    "INTERNAL_SERVER_ERROR": (StoreUnavailable, "StremThru fails"),
    "LOCKED": (StoreUnavailable, "locked at the store"),
    "METHOD_NOT_ALLOWED": (UnexpectedReply, "StremThru does not allow this call"),
    "NOT_FOUND": (Gone, "no longer in the account"),
    "NOT_IMPLEMENTED": (UnexpectedReply, "the store behind StremThru cannot do this"),
    "PAYMENT_REQUIRED": (AccountProblem, "the store needs a premium account"),
    "PROXY_AUTHENTICATION_REQUIRED": (NotAuthorized, "username or password is wrong"),
    "SERVICE_UNAVAILABLE": (StoreUnavailable, "the store behind StremThru is unavailable"),
    "STORE_LIMIT_EXCEEDED": (QuotaExhausted, "a limit of the store is reached"),
    "STORE_MAGNET_INVALID": (Invalid, "the store does not know this magnet"),
    "STORE_NAME_INVALID": (NotAuthorized, "store_name is not known to StremThru"),
    "STORE_SERVER_DOWN": (StoreUnavailable, "the store behind StremThru is down"),
    "TOO_MANY_REQUESTS": (RateLimited, "too many requests"),
    "UNAUTHORIZED": (NotAuthorized, "the login or the store's token is wrong"),
    "UNAVAILABLE_FOR_LEGAL_REASONS": (Refused, "refused as infringing"),
    "UNKNOWN": (StoreUnavailable, "the store behind StremThru fails"),
    "UNPROCESSABLE_ENTITY": (Refused, "the store cannot use this"),
    "UNSUPPORTED_MEDIA_TYPE": (UnexpectedReply, "our request was not understood"),
}
