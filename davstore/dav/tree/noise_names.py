"""The names of what desktops write and look for beside everything they touch."""

import re

_NAMES = re.compile(
    r"\._.*|\.DS_Store|\.localized|\.hidden|\.apdisk|\.Spotlight-V100|\.Trashes|\.fseventsd"
    r"|\.TemporaryItems|\.DocumentRevisions-V100|\.VolumeIcon\.icns|\.com\.apple\..*"
    r"|\.metadata_never_index.*|\.metadata_direct_scope_only|\.ql_disable.*"
    r"|Backups\.backupdb|mach_kernel|desktop\.ini|Thumbs\.db(:.*)?|ehthumbs(_vista)?\.db"
    r"|autorun\.inf|\$RECYCLE\.BIN|System Volume Information|\.directory|\.Trash(-\d+)?",
    re.IGNORECASE,
)


def is_noise(name: str) -> bool:
    """Whether a desktop writes or looks for files of this name by itself."""
    return _NAMES.fullmatch(name) is not None
