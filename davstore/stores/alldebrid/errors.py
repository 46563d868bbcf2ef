"""What AllDebrid's error codes mean."""

from collections.abc import Mapping

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)

_NEW_PLACE = "this machine is new to AllDebrid: confirm its e-mail to you"


class Lost(Gone):
    """A magnet that is no longer in the account."""


class Unsupported(Gone):
    """A link of a host that the service does not serve."""


class BadPin(UnexpectedReply):
    """A PIN, or what stands for a mail, that is wrong or too old."""


class Blocked(AccountProblem):
    """The service waits for an answer to the mail for which `token` stands."""

    def __init__(self, account: str, token: str) -> None:
        super().__init__(account, f"{_NEW_PLACE}, or run `davstore login {account}`")
        self.token = token


_BAD_KEY = (NotAuthorized, "the API key is wrong or revoked; get one at alldebrid.com/apikeys")
_SERVER = (AccountProblem, "AllDebrid refuses servers and VPNs; see alldebrid.com/vpn")
_UNPAID = (AccountProblem, "needs a premium account")
_OURS = "our request was not understood"
_ELSEWHERE = "concerns another call"

# Every code of the API document, and those that were only seen.
ERRORS: Mapping[str, tuple[type[StoreError], str]] = {
    "GENERIC": (StoreUnavailable, "an error at AllDebrid"),
    "404": (UnexpectedReply, "AllDebrid does not know this call"),
    "DISCONTINUED": (UnexpectedReply, "AllDebrid has discontinued this call"),
    "MAINTENANCE": (StoreUnavailable, "AllDebrid is in maintenance"),
    "AUTH_MISSING_APIKEY": _BAD_KEY,
    "AUTH_BAD_APIKEY": _BAD_KEY,
    "AUTH_BLOCKED": (AccountProblem, _NEW_PLACE),
    "AUTH_USER_BANNED": (AccountProblem, "the account is banned"),
    "ALREADY_SENT": (Refused, "the mail was sent a second time already"),
    "NO_SERVER": _SERVER,
    "LINK_IS_MISSING": (UnexpectedReply, _OURS),
    "BAD_LINK": (Gone, "AllDebrid does not know this link"),
    "LINK_HOST_NOT_SUPPORTED": (Unsupported, "AllDebrid does not serve this host"),
    "LINK_DOWN": (Gone, "the file is no longer available; add the magnet again"),
    "LINK_PASS_PROTECTED": (
        Refused,
        "the link is protected by a password; `davstore unlock` takes it",
    ),
    "LINK_HOST_UNAVAILABLE": (StoreUnavailable, "the file's host is in maintenance"),
    "LINK_TOO_MANY_DOWNLOADS": (RateLimited, "too many downloads at once"),
    "LINK_HOST_FULL": (RateLimited, "the file's host is full"),
    "LINK_HOST_LIMIT_REACHED": (QuotaExhausted, "the limit of the file's host is reached"),
    "LINK_ERROR": (StoreUnavailable, "AllDebrid could not unlock the file"),
    "LINK_TEMPORARY_UNAVAILABLE": (StoreUnavailable, "the file is unavailable for now"),
    "LINK_NOT_SUPPORTED": (Gone, "not to be had by this account; add the magnet again"),
    "REDIRECTOR_NOT_SUPPORTED": (Unsupported, "AllDebrid does not serve this host"),
    "REDIRECTOR_ERROR": (StoreUnavailable, "AllDebrid could not follow the link"),
    "STREAM_INVALID_GEN_ID": (StoreUnavailable, "the stream's choice has expired"),
    "STREAM_INVALID_STREAM_ID": (StoreUnavailable, "the stream's choice has expired"),
    "DELAYED_INVALID_ID": (StoreUnavailable, "the delayed link has expired"),
    "FREE_TRIAL_LIMIT_REACHED": (QuotaExhausted, "the free trial is used up"),
    "MUST_BE_PREMIUM": _UNPAID,
    "MAGNET_INVALID_ID": (Lost, "no longer in the account"),
    "MAGNET_INVALID_URI": (Refused, "the magnet is not valid"),
    "MAGNET_INVALID_FILE": (Refused, "the torrent file is not valid"),
    "MAGNET_FILE_UPLOAD_FAILED": (StoreUnavailable, "the upload failed"),
    "MAGNET_NO_URI": (UnexpectedReply, _OURS),
    "MAGNET_NO_SERVER": _SERVER,
    "MAGNET_PROCESSING": (StoreUnavailable, "the magnet is being processed"),
    "MAGNET_PROCESSING_COOLDOWN": (StoreUnavailable, "the magnet rests before a new try"),
    "MAGNET_TOO_MANY_ACTIVE": (QuotaExhausted, "30 magnets are active already"),
    "MAGNET_TOO_MANY": (QuotaExhausted, "the account is full; delete old magnets"),
    "MAGNET_MUST_BE_PREMIUM": _UNPAID,
    "MAGNET_TOO_LARGE": (Refused, "the magnet is larger than 1 TB"),
    "MAGNET_UPLOAD_FAILED": (StoreUnavailable, "the upload failed"),
    "MAGNET_INTERNAL_ERROR": (StoreUnavailable, "an error at AllDebrid"),
    "MAGNET_CANT_BOOTSTRAP": (Gone, "the magnet found no peers"),
    "MAGNET_MAGNET_TOO_BIG": (Refused, "the magnet is larger than 1 TB"),
    "MAGNET_TOOK_TOO_LONG": (Gone, "the magnet took longer than 72 hours"),
    "MAGNET_LINKS_REMOVED": (Gone, "the files were removed; add the magnet again"),
    "MAGNET_PROCESSING_FAILED": (Gone, "AllDebrid could not process the magnet"),
    "PIN_ALREADY_AUTHED": (UnexpectedReply, _ELSEWHERE),
    "PIN_EXPIRED": (BadPin, "the PIN has expired"),
    "PIN_INVALID": (BadPin, "the PIN is not valid"),
    "USER_LINK_MISSING": (UnexpectedReply, _OURS),
    "USER_LINK_INVALID": (Refused, "AllDebrid cannot save this link"),
    "MISSING_NOTIF_ENDPOINT": (UnexpectedReply, _ELSEWHERE),
    "VOUCHER_DURATION_INVALID": (Refused, "there are no vouchers for so many days"),
    "VOUCHER_NB_INVALID": (Refused, "there are 1 to 10 vouchers at once"),
    "NO_MORE_VOUCHER": (QuotaExhausted, "no such voucher is left in stock"),
    "INSUFFICIENT_BALANCE": (QuotaExhausted, "the balance is too low for these vouchers"),
    "DOWNLOAD_FAILED": (StoreUnavailable, "the download failed"),
    "ACCOUNT_INVALID": (AccountProblem, "the account may not use this call"),
    "NO_JSON_PARAM": (UnexpectedReply, _OURS),
    "JSON_INVALID": (UnexpectedReply, _OURS),
    "FREEDAYS_INVALID_COUNTRY": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_PHONE": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_PROVIDER": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_USED_PHONE": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_ALREADY_REQUESTED": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_STATUS": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_TOO_MUCH_RETRIES": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_CODE": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_DENIED": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_ERROR_SENDING": (UnexpectedReply, _ELSEWHERE),
}
