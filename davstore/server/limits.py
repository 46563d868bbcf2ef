"""What the system allows a process."""

import contextlib

try:
    import resource
except ImportError:  # not on every platform
    resource = None  # type: ignore[assignment]

ENOUGH = 65_536


def allow_many_files() -> None:
    """Each stream needs two descriptors; the usual limit of 1,024 is a habit, not a need."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
