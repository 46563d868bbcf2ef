"""How each kind of hook is told."""

from davstore.config.hooks import (
    AnyHook,
    CommandHook,
    EmbyHook,
    JellyfinHook,
    PlexHook,
    RcloneHook,
)
from davstore.hooks.receivers.base import Message, Receiver
from davstore.hooks.receivers.command import Command
from davstore.hooks.receivers.media_browser import MediaBrowser
from davstore.hooks.receivers.plex import Plex
from davstore.hooks.receivers.rclone import Rclone
from davstore.hooks.receivers.webhook import Webhook

__all__ = ["Message", "Receiver", "receiver"]


def receiver(hook: AnyHook) -> Receiver:
    """Who is told by this hook; to be closed by the caller."""
    match hook:
        case RcloneHook():
            return Rclone(hook)
        case PlexHook():
            return Plex(hook)
        case JellyfinHook() | EmbyHook():
            return MediaBrowser(hook)
        case CommandHook():
            return Command(hook)
        case _:
            return Webhook(hook)
