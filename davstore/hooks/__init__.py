"""Tells others which folders have changed: rclone, media servers, webhooks, programs.

`watching` notes on disk what changed, and has each hook told when it has been quiet for a while;
`paths` turns our paths into theirs. `receivers` has a module each for how a kind is told.
"""

from davstore.hooks.receivers import Message, Receiver, receiver
from davstore.hooks.watching import Hooks, message, wait_before

__all__ = ["Hooks", "Message", "Receiver", "message", "receiver", "wait_before"]
