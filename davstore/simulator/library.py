"""The demo's library: open films, Linux images and deliberately awkward names."""

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from davstore.simulator.content import Content
from davstore.simulator.magnets import SimFile, SimMagnet

if TYPE_CHECKING:
    from davstore.simulator.simulation import Simulator

MB = 10**6
SRT = b"1\n00:00:00,500 --> 00:00:02,500\nA test picture and a tone.\n"
NFO = b"An open film, here played by a test picture.\n"
COVER = Content.random("cover", 40_000)
NFD = unicodedata.normalize("NFD", "Café crème à la carte")
LONG = "Очень длинное название открытого фильма о больших кроликах и 小さな鳥たちの物語 " * 3


def fill(simulator: "Simulator", videos: Mapping[str, Content]) -> None:
    """Put some magnets into each of the five accounts; `videos` as from `media.videos`."""
    front, end, mkv = videos["front.mp4"], videos["end.mp4"], videos["subtitled.mkv"]
    _realdebrid(simulator, front, mkv)
    _alldebrid(simulator, front, end)
    _torz(simulator, front, mkv)
    _magnets(simulator, end, mkv)
    _plank(simulator, front, end)


def image(name: str, size: int) -> SimMagnet:
    """A Linux image: one large file."""
    return SimMagnet(name, [SimFile(name, Content.random(name, size))])


def film(name: str, video: SimFile) -> SimMagnet:
    """A film with what usually lies beside it."""
    stem = video.path.rpartition(".")[0]
    return SimMagnet(name, [
        video,
        SimFile(f"Subs/{stem}.en.srt", Content.of(SRT)),
        SimFile(f"Subs/{stem}.de.srt", Content.of(SRT)),
        SimFile(f"{stem}.nfo", Content.of(NFO)),
        SimFile("cover.jpg", COVER),
    ])  # fmt: skip


def _realdebrid(simulator: "Simulator", front: Content, mkv: Content) -> None:
    account = simulator.realdebrid
    account.add(film("Big Buck Bunny (2008)", SimFile("Big.Buck.Bunny.2008.mkv", mkv)))
    account.add(SimMagnet("Sintel.2010.mp4", [SimFile("Sintel.2010.mp4", front)]))
    account.add(image("debian-12.11.0-amd64-netinst.iso", 300 * MB))
    account.add(SimMagnet("Elephants Dream (2006)", [
        SimFile("Elephants Dream.mkv", mkv),
        SimFile("sample/sample.mkv", Content.random("sample", MB), selected=False),
    ]))  # fmt: skip
    account.add(SimMagnet("Charge (2022)", [SimFile("Charge.mkv", mkv)], status="downloading"))
    account.add(SimMagnet("Agent 327 (2017)", [SimFile("Agent.mkv", mkv)], status="failed"))


def _alldebrid(simulator: "Simulator", front: Content, end: Content) -> None:
    account = simulator.alldebrid
    account.add(film("Tears of Steel (2012)", SimFile("Tears.of.Steel.2012.mp4", end)))
    account.add(image("ubuntu-24.04.2-live-server-amd64.iso", 150 * MB))
    account.add(SimMagnet("Tests # of % odd ? names ; & + ' [x]", [
        SimFile("100% sure? #1; a & b + c's [cut].mp4", front),
        SimFile("two  spaces/🎬 emoji.txt", Content.of(b"emoji\n")),
        SimFile(f"{NFD}.txt", Content.of(b"decomposed\n")),
        SimFile("Readme.txt", Content.of(b"upper\n")),
        SimFile("README.TXT", Content.of(b"lower\n")),
        SimFile("empty.txt", Content.of(b"")),
    ]))  # fmt: skip
    account.add(SimMagnet("Spring (2019)", [SimFile("Spring.mp4", front)], status="queued"))


def _torz(simulator: "Simulator", front: Content, mkv: Content) -> None:
    account = simulator.torz
    account.add(film("Spring (2019)", SimFile("Spring.2019.mkv", mkv)))
    account.add(SimMagnet(LONG, [SimFile(f"{LONG}.mp4", front)]))
    account.add(SimMagnet("Cosmos Laundromat (2015)", [
        SimFile("CD1/part.mp4", front),
        SimFile("CD2/part.mp4", front),
        SimFile("CD2/extras/deep/down/notes.txt", Content.of(NFO)),
    ]))  # fmt: skip
    account.add(SimMagnet("Hero (2018)", [SimFile("Hero.mp4", front)], status="processing"))
    for name, seeders in (("Coffee.Run.2020.1080p", 41), ("Sprite.Fright.2021.2160p", 230)):
        found = SimMagnet(name, [SimFile(f"{name}.mkv", mkv)])
        account.cached.add(account.torznab.index(found, seeders))
    account.torznab.index(image("debian-13.1.0-amd64-netinst.iso", 750 * MB), 900, category=4000)


def _magnets(simulator: "Simulator", end: Content, mkv: Content) -> None:
    account = simulator.magnets
    account.add(film("Glass Half (2015)", SimFile("Glass.Half.2015.mp4", end)))
    account.add(SimMagnet("Same name", [SimFile("first.mkv", mkv)], hash="1" * 40))
    account.add(SimMagnet("Same name", [SimFile("second.mp4", end)], hash="2" * 40))
    account.add(image("archlinux-2026.01.01-x86_64.iso", 100 * MB))


def _plank(simulator: "Simulator", front: Content, end: Content) -> None:
    account = simulator.plank
    for title, year, video in (
        ("Big Buck Bunny", 2008, front),
        ("Cosmos Laundromat", 2015, end),
    ):
        file = SimFile(f"{title}.mp4", video)
        account.add(SimMagnet(title, [file], title=title, year=year))
    titles = ("Llama Drama", "Gran Dillama", "Llamigos")
    account.add(SimMagnet("Caminandes", [
        SimFile(f"Caminandes - S01E{number:02} - {title}.mp4", front, season=1, episode=number,
                title=title)
        for number, title in enumerate(titles, start=1)
    ], kind="show", title="Caminandes", year=2013))  # fmt: skip
    coming = [SimFile("Wing It.mp4", front)]
    account.add(SimMagnet("Wing It", coming, status="downloading", title="Wing It!", year=2023))
