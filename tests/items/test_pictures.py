"""Pictures: what is taken, what is refused, and what is left of it."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from publisher.errors import InputError, PermanentError, TransientError
from publisher.http import use_transport
from publisher.items.pictures import (
    fetch_picture,
    is_withdrawn,
    media_file,
    picture_bytes,
    picture_file,
    picture_url,
    remove_withdrawn_files,
    store_picture,
)
from publisher.models import Organisation, Picture
from publisher.sources.contract import PictureRef
from tests.items.website import HOST, drawing

pytestmark = pytest.mark.database


def opened(picture: Picture, width: int | None = None) -> Image.Image:
    return Image.open(io.BytesIO(picture_bytes(picture, width)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_four_formats_become_one_jpeg_each(secretariat: Organisation, kind: str) -> None:
    picture = store_picture(secretariat, drawing(kind=kind))
    assert (picture.width, picture.height, picture.media_type) == (640, 400, "image/jpeg")
    image = opened(picture)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (640, 400))
    assert image.info.get("progressive")


def test_a_large_picture_is_made_smaller(secretariat: Organisation) -> None:
    assert opened(store_picture(secretariat, drawing(4000, 2000))).size == (1600, 800)
    assert opened(store_picture(secretariat, drawing(1000, 4000))).size == (400, 1600)


def test_what_shows_through_stays_so(secretariat: Organisation) -> None:
    image = Image.new("RGBA", (300, 200), (255, 0, 0, 128))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    picture = store_picture(secretariat, buffer.getvalue())
    assert picture.media_type == "image/png"
    assert opened(picture).getpixel((5, 5)) == (255, 0, 0, 128)
    assert picture_url(picture, 600).endswith(f"/{picture.sha256}/600.png")


def test_an_alpha_channel_that_hides_nothing_is_dropped(secretariat: Organisation) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (300, 200), (255, 0, 0, 255)).save(buffer, "PNG")
    assert store_picture(secretariat, buffer.getvalue()).media_type == "image/jpeg"


def test_what_a_camera_wrote_is_applied_and_dropped(secretariat: Organisation) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise
    exif[0x010F] = "Kamera"
    exif.get_ifd(0x8825)[2] = (55.0, 39.0, 0.0)  # where it was taken
    picture = store_picture(secretariat, drawing(exif=exif))
    image = opened(picture)
    assert image.size == (400, 640)
    assert not image.getexif()
    assert "icc_profile" not in image.info
    assert b"Kamera" not in picture_bytes(picture)
    # The yellow corner was top left and is now top right.
    red, _green, blue = image.getpixel((390, 10))  # type: ignore[misc]
    assert red > 200
    assert blue < 100


def test_what_a_telephone_takes_can_be_used(secretariat: Organisation) -> None:
    """The file is an HEIC of 160 × 120 pixels, with a yellow corner top left, to be turned by 90° clockwise."""
    content = (Path(__file__).parent / "phone.heic").read_bytes()
    assert b"Kamera" in content
    picture = store_picture(secretariat, content, file_name="IMG_0042.HEIC")
    assert (picture.width, picture.height, picture.media_type) == (120, 160, "image/jpeg")
    image = opened(picture).convert("RGB")
    assert not image.getexif()
    assert b"Kamera" not in picture_bytes(picture)
    red, _green, blue = image.getpixel((110, 10))  # type: ignore[misc]
    assert red > 200
    assert blue < 100
    assert picture.file_name == "IMG_0042.HEIC"
    with pytest.raises(OSError, match="cannot identify"):
        # Not even now does the rest of the program open such files.
        Image.open(io.BytesIO(content))


def test_avif_can_be_used(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing(kind="AVIF"))
    assert (picture.width, picture.height, picture.media_type) == (640, 400, "image/jpeg")


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "1", "LA", "I;16"])
def test_all_colour_modes_can_be_shown(secretariat: Organisation, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = (
        Image.new("I;16", (64, 64), 40_000) if mode == "I;16" else Image.new("RGB", (64, 64), "#808080").convert(mode)
    )
    buffer = io.BytesIO()
    image.save(buffer, kind)
    shown = opened(store_picture(secretariat, buffer.getvalue())).convert("L").getpixel((30, 30))
    assert isinstance(shown, int)
    assert 100 <= shown <= 180 or mode == "1"


def test_colours_are_turned_into_srgb(secretariat: Organisation) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = store_picture(secretariat, drawing(icc_profile=lab))
    assert "icc_profile" not in opened(picture).info
    broken = store_picture(secretariat, drawing(width=650, icc_profile=b"no profile"))
    assert opened(broken).size == (650, 400)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", data or zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


HOSTILE = {
    "bomb": (png(30_000, 30_000, zlib.compress(b"\0" * 5_000_000)), "picture_too_large"),
    "50 million and one": (png(10_000, 5_001), "picture_too_large"),
    "truncated": (drawing()[:-500], "picture_unreadable"),
    "no data": (png(500, 500), "picture_unreadable"),
    "empty": (b"", "picture_unreadable"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "picture_unreadable"),
    "html": (b"<!doctype html><html><body>Ikke fundet</body></html>", "picture_unreadable"),
    "tiff": (drawing(kind="TIFF"), "picture_unreadable"),
    "bmp": (drawing(kind="BMP"), "picture_unreadable"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "picture_unreadable"),
    "pixel": (drawing(1, 1, kind="GIF"), "picture_too_small"),
    "thread": (drawing(3000, 4), "picture_too_small"),
    "half an HEIC": ((Path(__file__).parent / "phone.heic").read_bytes()[:520], "picture_unreadable"),
    "an HEIC in name": (b"\0\0\0\x18ftypheic" + b"\0" * 400, "picture_unreadable"),
    "an AVIF in name": (b"\0\0\0\x18ftypavif" + b"\0" * 400, "picture_unreadable"),
    "too many bytes": (b"\xff\xd8\xff" + b"\0" * 15_000_000, "picture_too_large"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_picture_of_use_is_refused_in_words(secretariat: Organisation, name: str) -> None:
    content, reason = HOSTILE[name]
    with pytest.raises(InputError) as caught:
        store_picture(secretariat, content)
    assert caught.value.reason == reason
    assert len(str(caught.value)) > 20
    assert not Picture.objects.exists()
    assert not list(Path(settings.OPSLAG_MEDIA_DIR).rglob("*.*"))


@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 710), st.integers(0, 255)), min_size=1, max_size=6))
@example([(179, 255), (454, 122), (633, 56)])  # these two end the process that reads them
@example([(176, 147), (248, 7), (648, 0)])
def test_a_damaged_heic_is_stored_or_refused(secretariat: Organisation, changes: list[tuple[int, int]]) -> None:
    content = bytearray((Path(__file__).parent / "phone.heic").read_bytes())
    for position, value in changes:
        content[position] = value
    with contextlib.suppress(InputError):
        opened(store_picture(secretariat, bytes(content))).load()


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]), st.data())
def test_damaged_pictures_are_stored_or_refused(secretariat: Organisation, kind: str, data: st.DataObject) -> None:
    content = bytearray(drawing(80, 60, kind=kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        opened(store_picture(secretariat, bytes(content))).load()


def test_a_moving_picture_stands_still(secretariat: Organisation) -> None:
    frames = [Image.new("RGB", (100, 80), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    red, _green, blue = opened(store_picture(secretariat, buffer.getvalue())).getpixel((50, 40))  # type: ignore[misc]
    assert red > 200
    assert blue < 60


def test_the_same_picture_twice_is_one_with_the_words_it_had_first(secretariat: Organisation) -> None:
    first = store_picture(secretariat, drawing(), caption="Et kor")
    assert (first.alt, first.caption) == ("Et kor", "Et kor")
    again = store_picture(secretariat, drawing(), alt="Noget andet", credit="Åse\nSørensen")
    assert again.pk == first.pk
    again.refresh_from_db()
    assert (again.alt, again.credit) == ("Et kor", "Åse Sørensen")


def test_words_are_never_invented(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing(), source_url=f"{HOST}/kor-i-kirken.jpg")
    assert (picture.alt, picture.caption, picture.credit) == ("", "", "")


def test_organisations_share_the_file_and_not_the_row(secretariat: Organisation, elsewhere: Organisation) -> None:
    ours = store_picture(secretariat, drawing(), alt="Vores ord")
    theirs = store_picture(elsewhere, drawing())
    assert ours.pk != theirs.pk
    assert theirs.alt == ""
    assert picture_file(ours) == picture_file(theirs)


def test_sizes_are_made_once_and_served(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing(1400, 700))
    assert picture_url(picture) == f"https://opslag.test/media/{picture.sha256}/1600.jpg"
    assert picture_url(picture, 600) == f"https://opslag.test/media/{picture.sha256}/600.jpg"
    small = picture_file(picture, 600)
    assert Image.open(small).size == (600, 300)
    assert small.parent == Path(settings.OPSLAG_MEDIA_DIR) / picture.sha256[:2]
    made = small.stat().st_mtime_ns
    assert picture_file(picture, 600).stat().st_mtime_ns == made
    assert media_file(picture.sha256, 600, "jpg") == small
    assert media_file(picture.sha256, 1600, "jpg") == picture_file(picture)
    assert not list(small.parent.glob(".*"))


def test_the_public_view_gets_only_what_we_serve(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing())
    assert media_file(picture.sha256, 320, "jpg")
    assert media_file(picture.sha256, 321, "jpg") is None
    assert media_file(picture.sha256, 320, "png") is None
    assert media_file(picture.sha256, 320, "svg") is None
    assert media_file("0" * 64, 320, "jpg") is None
    assert media_file("../../etc/passwd", 320, "jpg") is None
    assert media_file(picture.sha256.upper(), 320, "jpg") is None


def test_a_lost_file_is_said_in_words(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing())
    picture_file(picture).unlink()
    for width in (None, 320):
        with pytest.raises(PermanentError, match=str(settings.OPSLAG_MEDIA_DIR)):
            picture_bytes(picture, width)


def answering(response: httpx.Response) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: response)


REFERENCE = PictureRef(f"{HOST}/kor.jpg", alt="Koret synger", caption="Koret i kirken", credit="Åse Sørensen")


def test_a_sources_picture_is_fetched_with_its_words(secretariat: Organisation) -> None:
    with use_transport(answering(httpx.Response(200, content=drawing()))):
        picture = fetch_picture(secretariat, REFERENCE)
    assert (picture.alt, picture.caption, picture.credit) == ("Koret synger", "Koret i kirken", "Åse Sørensen")
    assert picture.source_url == f"{HOST}/kor.jpg"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(404), PermanentError),
        (httpx.Response(503, headers={"retry-after": "120"}), TransientError),
        (httpx.Response(429), TransientError),
        (httpx.Response(200, content=b"<html>", headers={"content-type": "image/jpeg"}), InputError),
        (httpx.Response(200, content=b"\0" * 15_000_001), PermanentError),
    ],
)
def test_a_picture_that_cannot_be_had(
    secretariat: Organisation, response: httpx.Response, error: type[Exception]
) -> None:
    with use_transport(answering(response)), pytest.raises(error) as caught:
        fetch_picture(secretariat, REFERENCE)
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x.jpg", "file:///etc/passwd", "http://169.254.169.254/latest", "data:image/png;base64,x"]
)
def test_a_picture_on_a_forbidden_address_is_not_asked_for(secretariat: Organisation, url: str) -> None:
    with pytest.raises((PermanentError, TransientError)):
        fetch_picture(secretariat, PictureRef(url))


def test_a_withdrawn_picture_is_not_stored_fetched_or_handed_out_again(
    secretariat: Organisation, elsewhere: Organisation
) -> None:
    address = f"{HOST}/kor.jpg"
    picture = store_picture(secretariat, drawing(), source_url=address)
    Picture.objects.update(withdrawn_at=timezone.now())
    picture.refresh_from_db()
    remove_withdrawn_files([picture])
    assert not list(Path(settings.OPSLAG_MEDIA_DIR).rglob("*.*"))
    with pytest.raises(InputError) as caught:
        store_picture(secretariat, drawing())
    assert caught.value.reason == "picture_withdrawn"
    with (
        use_transport(httpx.MockTransport(lambda _request: pytest.fail("it was asked for"))),
        pytest.raises(InputError),
    ):
        fetch_picture(secretariat, PictureRef(address))
    with pytest.raises(PermanentError) as refused:
        picture_bytes(picture)
    assert refused.value.reason == "picture_withdrawn"
    assert is_withdrawn(picture.sha256)
    assert not list(Path(settings.OPSLAG_MEDIA_DIR).rglob("*.*"))
    # What another organisation does with it is its own matter.
    assert store_picture(elsewhere, drawing()).pk != picture.pk
    assert not is_withdrawn(picture.sha256)
    remove_withdrawn_files([picture])
    assert media_file(picture.sha256, 1600, "jpg")


def test_files_have_names(secretariat: Organisation) -> None:
    fetched = store_picture(secretariat, drawing(), source_url=f"{HOST}/2026/K%C3%B8ge%20havn.jpg?w=3")
    assert fetched.file_name == "Køge havn.jpg"
    assert store_picture(secretariat, drawing(650), file_name="x" * 300 + ".jpg").file_name.endswith("xx.jpg")
