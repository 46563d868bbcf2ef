"""A signed POST, as the Standard Webhooks specification (standardwebhooks.com) has it: headers
`webhook-id`, `webhook-timestamp` and `webhook-signature`, which is HMAC-SHA256 over
"ID.TIMESTAMP.BODY" in base64, with "v1," before it.
"""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode

from davstore.errors import HookError
from davstore.hook_settings import WebhookHook
from davstore.hooks.receivers.base import Message
from davstore.transport import Notices

CHANGED, TEST = "folders.changed", "test"


class Webhook:
    """Somebody who takes a POST."""

    def __init__(self, hook: WebhookHook) -> None:
        self._notices = Notices(hook.url.get_secret_value(), {}, hook.timeout)
        self._key = _key(hook.secret.get_secret_value()) if hook.secret else b""

    def tell(self, message: Message) -> None:
        """As promised."""
        self._post(message, CHANGED)

    def test(self) -> str:
        """It is sent a message of the type `test`, without changes."""
        now = time.time()
        self._post(Message(f"test-{now:.0f}", now, ()), TEST)
        return f"the webhook took a {'signed' if self._key else 'plain'} test"

    def close(self) -> None:
        """As promised."""
        self._notices.close()

    def _post(self, message: Message, kind: str) -> None:
        body = json.dumps(message.plain(kind), ensure_ascii=False).encode()
        sent = str(int(time.time()))
        headers = {
            "Content-Type": "application/json", "webhook-id": message.id, "webhook-timestamp": sent,
        }  # fmt: skip
        if self._key:
            signed = b".".join([message.id.encode(), sent.encode(), body])
            digest = hmac.digest(self._key, signed, hashlib.sha256)
            headers["webhook-signature"] = f"v1,{b64encode(digest).decode()}"
        answer = self._notices.send("POST", data=body, headers=headers)
        if not answer.is_good:
            raise HookError(f"the webhook does not take it (HTTP {answer.status})")


def _key(secret: str) -> bytes:
    """A secret that others made is base64 behind `whsec_`; another is taken as it is."""
    if secret.startswith("whsec_"):
        try:
            return b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:  # it is in no alphabet of base64's
            pass
    return secret.encode()
