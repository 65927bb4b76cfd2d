"""Renditions: within every limit, whatever the picture and the limits; a crop keeps the focal point."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from publisher.errors import PermanentError
from publisher.items.pictures import picture_bytes, store_picture
from publisher.items.renditions import crop_box, rendition
from publisher.models import Organisation, Picture
from tests.items.website import drawing

pytestmark = pytest.mark.database

KINDS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
SHARE = st.floats(0, 1)
SHAPES = st.none() | st.tuples(st.floats(0.3, 1.2), st.floats(1.2, 3))


def noise(width: int, height: int) -> bytes:
    """A picture that packs badly."""
    pixels = random.Random(7).randbytes(width * height * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(buffer, "PNG")
    return buffer.getvalue()


def see_through(width: int = 300, height: int = 200) -> bytes:
    image = Image.new("RGBA", (width, height), (255, 0, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_what_fits_is_given_as_it_is(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing())
    made = rendition(picture)
    assert made.content == picture_bytes(picture)
    assert made[1:] == ("image/jpeg", 640, 400, (0.5, 0.5))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(32, 260), st.integers(32, 260)),
    opaque=st.booleans(),
    max_side=st.integers(120, 300),
    max_bytes=st.integers(1, 40_000),
    aspects=SHAPES,
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, unique=True),
    focal=st.tuples(SHARE, SHARE),
)
def test_every_limit_is_kept_or_it_says_that_it_cannot(
    secretariat: Organisation,
    size: tuple[int, int],
    opaque: bool,
    max_side: int,
    max_bytes: int,
    aspects: tuple[float, float] | None,
    kinds: list[str],
    focal: tuple[float, float],
) -> None:
    picture = store_picture(secretariat, noise(*size) if opaque else see_through(*size))
    picture.focal_x, picture.focal_y = focal
    try:
        made = rendition(picture, max_side=max_side, max_bytes=max_bytes, aspects=aspects, media_types=kinds)
    except PermanentError as error:
        assert error.explanation.params == {"limit": str(max_bytes // 1000)}
        return
    assert len(made.content) <= max_bytes
    assert made.media_type in kinds
    with Image.open(io.BytesIO(made.content)) as image:
        assert image.format == KINDS[made.media_type]
        assert image.size == (made.width, made.height)
        assert max(image.size) <= max_side
        assert not image.getexif()
    if aspects:
        # A pixel for rounding.
        assert aspects[0] <= (made.width + 1) / made.height and (made.width - 1) / made.height <= aspects[1]


@given(st.integers(1, 5000), st.integers(1, 5000), SHAPES, SHARE, SHARE)
def test_a_crop_lies_inside_and_is_as_large_as_may_be(
    width: int, height: int, aspects: tuple[float, float] | None, x: float, y: float
) -> None:
    box = crop_box(width, height, aspects, x, y)
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    assert (box.left, box.right) == (0, width) or (box.top, box.bottom) == (0, height)
    # The point itself is always in it (a pixel for rounding).
    assert box.left - 1 <= x * width <= box.right + 1
    assert box.top - 1 <= y * height <= box.bottom + 1


@pytest.mark.parametrize(
    ("focal_x", "left", "right"), [(0.0, 0, 100), (0.5, 150, 250), (1.0, 300, 400), (0.3, 70, 170)]
)
def test_the_focal_point_stays(focal_x: float, left: int, right: int) -> None:
    assert crop_box(400, 100, (1, 1), focal_x, 0.5) == (left, 0, right, 100)


def test_a_tall_picture_is_cut_above_and_below() -> None:
    assert crop_box(100, 400, (0.8, 1.91), 0.5, 0.1) == (0, 0, 100, 125)


def test_a_crop_shows_what_the_focal_point_names(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, drawing(1200, 300))
    picture.focal_x, picture.focal_y = 0.0, 0.0
    corner = Image.open(io.BytesIO(rendition(picture, aspects=(1, 1)).content)).convert("RGB").getpixel((20, 20))
    picture.focal_x = 1.0
    other = Image.open(io.BytesIO(rendition(picture, aspects=(1, 1)).content)).convert("RGB").getpixel((20, 20))
    assert corner[0] > 200 > other[0]  # type: ignore[index]


@pytest.mark.parametrize(("focal_x", "within"), [(0.0, 0.0), (0.5, 0.5), (0.1, 0.4), (1.0, 1.0)])
def test_where_the_focal_point_is_in_a_crop(secretariat: Organisation, focal_x: float, within: float) -> None:
    picture = store_picture(secretariat, drawing(1200, 300))
    picture.focal_x = focal_x
    assert rendition(picture, aspects=(1, 1)).focal == (pytest.approx(within), 0.5)


def test_what_shows_through_becomes_white_where_it_must(secretariat: Organisation) -> None:
    picture = store_picture(secretariat, see_through())
    made = rendition(picture, media_types=["image/jpeg"])
    assert made.media_type == "image/jpeg"
    assert Image.open(io.BytesIO(made.content)).getpixel((9, 9)) == (255, 255, 255)
    kept = rendition(picture, max_side=150, media_types=["image/png", "image/jpeg"])
    assert Image.open(io.BytesIO(kept.content)).mode == "RGBA"


def test_a_picture_whose_file_is_gone_has_none(secretariat: Organisation) -> None:
    picture = Picture(organisation=secretariat, sha256="0" * 64, width=9, height=9)
    with pytest.raises(PermanentError) as caught:
        rendition(picture)
    assert caught.value.reason == "picture_missing"
