"""Pictures of telephones (HEIC), read in a process of their own: libheif ends the process on some damaged files.

Run as a program it reads a file on its input and writes it as PNG, with its colour profile and what the camera wrote.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys

from pi_heif import HeifImageFile
from PIL import Image

# Of the program that reads one picture: enough for 50 million pixels, and no more than a crafted file should get.
_SECONDS = 20
_MEMORY = 2 * 1024**3
_TOO_MANY = 3


def as_png(content: bytes, most_pixels: int) -> bytes:
    """A HEIC file's first picture as PNG.

    Raises DecompressionBombError for more pixels than `most_pixels`, OSError for what cannot be read.
    """
    command = [sys.executable, "-I", __file__, str(most_pixels)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 -- our own program
    except subprocess.TimeoutExpired as error:
        raise OSError("reading it took too long") from error
    if done.returncode == _TOO_MANY:
        raise Image.DecompressionBombError("more pixels than may be")
    if done.returncode or not done.stdout:
        raise OSError(f"it cannot be read ({done.returncode})")
    return done.stdout


def _main(most_pixels: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    image = HeifImageFile(io.BytesIO(sys.stdin.buffer.read()))
    if image.width * image.height > most_pixels:
        return _TOO_MANY
    image.load()
    told = {name: image.info[name] for name in ("exif", "icc_profile") if image.info.get(name)}
    image.save(sys.stdout.buffer, "PNG", compress_level=1, **told)
    return 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1])))
