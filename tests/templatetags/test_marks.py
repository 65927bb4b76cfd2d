"""Every status has a word, a shape that is drawn and a tone; bars add up; icons are for the eye only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.templatetags.marks import FILLS, LOOKS, THINNEST, segments
from publisher.vocabulary import DeliveryStatus

ROOT = Path(__file__).resolve().parent.parent.parent
SHAPES = (ROOT / "templates/web/parts/shapes.html").read_text()
CSS = (ROOT / "publisher/static/css/opslag.css").read_text()


def draw(source: str, **context: object) -> str:
    return Template("{% load marks %}" + source).render(Context(context))


@pytest.mark.parametrize("cycle", LOOKS)
def test_every_status_has_a_look_that_exists(cycle: str) -> None:
    choices, looks = LOOKS[cycle]
    assert set(looks) == set(choices)
    for shape, tone in looks.values():
        assert f'id="shape-{shape}"' in SHAPES
        assert f".tone-{tone} " in CSS


def test_no_two_statuses_of_a_delivery_share_a_shape() -> None:
    shapes = [shape for shape, _ in LOOKS["delivery"][1].values()]
    assert len(set(shapes)) == len(shapes)


def test_a_mark_is_a_word_with_a_shape() -> None:
    page = draw("{% status 'delivery' value %}", value="failed")
    assert re.search(r'class="mark tone-bad".*#shape-cross".*</svg>\S+', page, re.S)


def test_an_unknown_status_is_our_fault() -> None:
    with pytest.raises(KeyError):
        draw("{% status 'delivery' value %}", value="vanished")


def test_words_of_a_page_are_escaped() -> None:
    assert "<b>" not in draw("{% mark 'good' word %}", word="<b>")


def test_every_delivery_status_has_its_part_of_the_bar() -> None:
    assert set(FILLS) == set(DeliveryStatus)
    assert all(f'id="fill-{fill}"' in SHAPES for fill in FILLS.values())


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(list(FILLS)), st.integers(0, 1_000_000)))
def test_a_bar_is_full_and_nothing_in_it_disappears(counts: dict[DeliveryStatus, int]) -> None:
    parts = segments(counts)
    assert sum(part.count for part in parts) == sum(counts.values())
    assert len(parts) == sum(count > 0 for count in counts.values())
    if parts:
        assert sum(float(part.width[:-1]) for part in parts) == pytest.approx(100, abs=0.01)
        assert min(float(part.width[:-1]) for part in parts) > THINNEST * 0.8


def test_a_bar_is_said_in_words_with_its_sum() -> None:
    page = draw("{% proportions counts legend=False %}", counts={"sent": 4180, "suppressed": 20})
    assert 'class="aside"' in page
    assert re.search(r"<b>4.180</b>.*<b>20</b>.*<b>4.200</b>", page, re.S)


def test_icons_are_for_the_eye_only() -> None:
    assert 'aria-hidden="true"' in draw("{% icon 'calendar' %}")
    assert "style=" not in draw("{% icon 'calendar' %}")
