"""Brand colours stay legible, whatever an organisation chooses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.compose.colour import ENOUGH, checked_colour, contrast, legible, text_on

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}")


def test_contrast_is_counted_as_wcag_does() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@given(COLOURS, st.sampled_from(["#FBFAF7", "#FFFFFF", "#1D2125", "#14171A"]))
@settings(max_examples=100)
def test_any_colour_becomes_legible_and_carries_text(colour: str, paper: str) -> None:
    assert contrast(text_on(colour), colour) >= ENOUGH
    assert contrast(legible(colour, paper), paper) >= ENOUGH


def test_a_colour_that_is_legible_already_stays() -> None:
    assert legible("#0B5FA5", "#FFFFFF") == "#0B5FA5"


@pytest.mark.parametrize("wrong", ["", "red", "#12", "#0B5FA5;}", 'url("x")'])
def test_what_is_no_colour_becomes_ours(wrong: str) -> None:
    assert checked_colour(wrong) == "#0B5FA5"
