"""Other file hosts of which the simulated services take links: files, folders and containers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from davstore.simulator.magnets import SimFile


@dataclass(frozen=True)
class Hosted:
    """One file at another host; `down` ones are known and no longer there."""

    file: SimFile
    password: str = ""
    down: bool = False

    @property
    def host(self) -> str:
        """The only other host that there is."""
        return "example.com"


@dataclass
class Hosters:
    """What stands where: links to files, to folders of links, and containers by their bytes."""

    files: dict[str, Hosted] = field(default_factory=dict)
    folders: dict[str, Sequence[str]] = field(default_factory=dict)
    containers: dict[bytes, Sequence[str]] = field(default_factory=dict)

    def put(self, file: SimFile, *, password: str = "", down: bool = False) -> str:
        """Have a file there; its link."""
        link = f"https://example.com/file/{len(self.files)}/{file.name}"
        self.files[link] = Hosted(file, password, down)
        return link

    def put_folder(self, *links: str) -> str:
        """Have a folder of these links there; its own link."""
        link = f"https://example.com/folder/{len(self.folders)}"
        self.folders[link] = links
        return link
