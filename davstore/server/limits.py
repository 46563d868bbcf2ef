"""What the system and the interpreter allow a process, set as a server with many streams needs it.

Each of these is for the whole process, so only `davstore serve` and `demo` call it.
"""

import contextlib
import ctypes
import sys

from davstore import collector

try:
    import resource
except ImportError:  # not on every platform
    resource = None  # type: ignore[assignment]

ENOUGH = 65_536
TURN = 0.0005
# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE = 128 * 1024


def settle() -> None:
    """All of it; to be called before the first thread is started."""
    _allow_many_files()
    _share_memory()
    collector.settle()
    # A listing's thread takes its turn beside the streams' within a millisecond, not five.
    sys.setswitchinterval(TURN)


def _allow_many_files() -> None:
    """Each stream needs two descriptors; the usual limit of 1,024 is a habit, not a need."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _share_memory() -> None:
    """The usual malloc gives each thread a heap of its own, of which most stays unused for ever.

    It also takes ever larger buffers from these heaps once some were freed, and streams' buffers of
    all sizes then leave holes in them: in two minutes of a soak 38 MiB were free and kept, and
    less than 1 MiB with these options. Large ones are to come from the system and go back.
    """
    with contextlib.suppress(OSError, AttributeError):
        c = ctypes.CDLL(None)
        for option, value in (
            (_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE),
        ):  # fmt: skip
            c.mallopt(option, value)
