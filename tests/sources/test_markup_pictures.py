"""The pictures in an article, and the best of them first."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from publisher.sources.contract import PictureRef
from publisher.sources.markup_pictures import LARGEST_SIDE, best_first, pictures_in

BASE = "https://havnby.example.org/nyt/sti"
HERE = "https://havnby.example.org"


@given(strategies.text(alphabet="<>/!-&;\"' =apbimgscrtdx,0w\n", max_size=300))
def test_any_markup_can_be_looked_through(markup: str) -> None:
    assert len(pictures_in(markup, BASE)) <= 5
    best_first(pictures_in(f"<img {markup}>", BASE))


@pytest.mark.parametrize(
    "hostile",
    ["<" * 500_000, "<img src='" * 100_000, "<img " + "a=" * 300_000 + ">", "<figure><img src=/a.png>" * 30_000,
     "<img srcset='" + "/a.jpg 1w, " * 100_000 + "'>", "<img srcset='" + "," * 500_000 + "'>",
     "<figure><img data-src='x:'>" * 30_000],
    ids=lambda text: text[:22],
)  # fmt: skip
def test_hostile_markup_is_read_in_one_pass(hostile: str) -> None:
    """A quadratic reader would need minutes for these."""
    pictures_in(hostile, BASE)


def test_the_first_real_picture_is_found_with_its_caption() -> None:
    markup = """<img src="https://maaling.example.org/p.gif" width="1" height="1"><img src="/ikon.png" width=32>
    <img src="data:image/gif;base64,AA=="><img alt="uden adresse">
    <figure class="stor"><img src='../bro.jpg?a=1&amp;b=2' alt="Broen &quot;Ny&quot; &gt; havnen"
    width="640px" height=480>
    <figcaption class=x>Foto: <b>Bo</b></figcaption></figure><figure><img src="/nr2.jpg"></figure>"""
    assert pictures_in(markup, BASE) == [
        PictureRef(f"{HERE}/bro.jpg?a=1&b=2", alt='Broen "Ny" > havnen', caption="Foto: Bo", width=640, height=480),
        PictureRef(f"{HERE}/nr2.jpg"),
    ]


def test_a_caption_belongs_to_its_own_figure() -> None:
    assert pictures_in("<figure><figcaption>Nej</figcaption></figure><img src=/a.jpg>", BASE) == [
        PictureRef(f"{HERE}/a.jpg")
    ]
    assert pictures_in("<p>Ingen billeder</p>", BASE) == []


@pytest.mark.parametrize(
    ("img", "url", "width"),
    [
        ('<img src="data:image/gif;base64,AA" data-src="/kor.jpg" alt="x">', "/kor.jpg", 0),
        ('<img src="/blank.gif" data-original="/kor.jpg">', "/kor.jpg", 0),
        ('<img src="/s.jpg" srcset="/s.jpg 320w, /m.jpg 1024w, /xl.jpg 4000w">', "/m.jpg", 1024),
        ('<img data-srcset="/xl.jpg 4000w,\n /xxl.jpg 6000w" src="">', "/xl.jpg", 4000),
        ('<img src="/a.jpg" srcset="/a.jpg 1x, /b.jpg 2x">', "/a.jpg", 0),
        ('<img srcset="/w_300,h_200/kor.jpg 800w" src="/a.jpg">', "/w_300,h_200/kor.jpg", 800),
        ('<img srcset="ganske forkert, 12" src="/a.jpg">', "/a.jpg", 0),
    ],
)
def test_pictures_that_load_later_and_sets_of_sizes(img: str, url: str, width: int) -> None:
    (picture,) = pictures_in(img, BASE)
    assert (picture.url, picture.width) == (f"{HERE}{url}", width)


def test_a_size_of_a_set_keeps_the_shape() -> None:
    (picture,) = pictures_in('<img width="300" height="200" srcset="/m.jpg 1200w" src="/s.jpg">', BASE)
    assert (picture.width, picture.height) == (1200, 800)


def ref(name: str, width: int = 0, height: int = 0) -> PictureRef:
    return PictureRef(f"{HERE}/{name}", width=width, height=height)


def test_the_largest_sensible_comes_first() -> None:
    pictures = [
        ref("ukendt.jpg"),
        ref("lille.jpg", 200, 150),
        ref("kaempe.jpg", 6000, 4000),
        ref("god.jpg", 1600, 900),
        ref("mindre.jpg", 800, 600),
        ref("ogsaa-ukendt.jpg"),
    ]
    names = [picture.url.rpartition("/")[2] for picture in best_first(pictures)]
    assert names == ["god.jpg", "mindre.jpg", "kaempe.jpg", "ukendt.jpg", "ogsaa-ukendt.jpg", "lille.jpg"]


@pytest.mark.parametrize(
    "name",
    ["logo.svg", "kommunelogo.png", "Furesoe-Logo_2x.png", "avatar-bo.jpg", "icon-32.png", "pixel.gif",
     "1x1-spacer.gif", "placeholder.jpg", "default.jpg"],
)  # fmt: skip
def test_ornaments_are_left_out(name: str) -> None:
    assert best_first([ref(name)]) == ()


@pytest.mark.parametrize(
    "name", ["logopaedi.jpg", "katalog.jpg", "dialog-moede.jpg", "iconic-bro.jpg", "avatarfilm.jpg"]
)
def test_words_that_only_begin_alike_are_no_ornaments(name: str) -> None:
    assert best_first([ref(name)]) == (ref(name),)


def test_a_large_picture_of_an_icon_is_a_picture() -> None:
    assert best_first([ref("ikon.jpg", 1200, 800)])
    assert not best_first([ref("logo.png", 1200, 800)])
    assert not best_first([ref("streg.png", 1200, 1)])
    assert not best_first([PictureRef("https://secure.gravatar.com/x.jpg"), PictureRef("http://[")])


@given(
    strategies.lists(
        strategies.builds(ref, strategies.just("a.jpg"), strategies.integers(0, 9000), strategies.integers(0, 9000))
    )
)
def test_no_picture_that_fits_comes_after_one_that_is_too_large(pictures: list[PictureRef]) -> None:
    found = best_first(pictures)
    too_large = [max(each.width, each.height) > LARGEST_SIDE for each in found if each.width >= 300]
    assert too_large == sorted(too_large)
