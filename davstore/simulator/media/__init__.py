"""Small real videos: those in this folder, or somewhat longer ones that ffmpeg makes.

Three shapes that players treat differently: an mp4 with its index in front, one with it at
the end (a player must seek before it can begin), and an mkv with a subtitle track.
"""

import contextlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from davstore.simulator.content import Content

SHIPPED = Path(__file__).parent
NAMES = ("front.mp4", "end.mp4", "subtitled.mkv")
SECONDS = 8

SUBTITLES = """1
00:00:00,500 --> 00:00:01,500
A test picture

2
00:00:01,500 --> 00:00:02,800
and a tone.
"""


@cache
def placeholder() -> Content:
    """One second of nothing much, as services send in place of what they cannot."""
    return Content.of((SHIPPED / "placeholder.mp4").read_bytes())


def videos(folder: Path) -> dict[str, Content]:
    """The three videos by name: made in `folder` with ffmpeg, unless they are there already.

    The shipped ones where there is no ffmpeg, or it cannot, or `folder` is not writable.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for name in NAMES:
                if not (folder / name).exists():
                    _make(ffmpeg, folder / name)
    return {
        name: Content.of(folder / name if (folder / name).exists() else SHIPPED / name)
        for name in NAMES
    }


def _make(ffmpeg: str, target: Path) -> None:
    """Make one video, if ffmpeg can. `target` is there only once it is whole."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        subtitles = Path(scratch, "subtitles.srt")
        subtitles.write_text(SUBTITLES, "utf-8")
        made = Path(scratch, target.name)
        command = [
            ffmpeg, "-nostdin", "-loglevel", "error", "-y",
            "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={SECONDS}",
            "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={SECONDS}",
            *(["-i", str(subtitles), "-c:s", "srt"] if target.suffix == ".mkv" else []),
            *(["-movflags", "+faststart"] if target.name != "end.mp4" else []),
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-g", "25",
            "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "48k", "-threads", "1",
            "-fflags", "+bitexact", "-flags", "+bitexact", str(made),
        ]  # fmt: skip
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
            made.replace(target)
