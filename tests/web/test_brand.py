"""A brand colour becomes a stylesheet whose button text can be read; nothing else gets in."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize(("colour", "text"), [("7A1F3D", "#FFFFFF"), ("ffe14d", "#000000")])
def test_the_stylesheet(colour: str, text: str, client: Client) -> None:
    response = client.get(f"/brand/{colour}.css")
    assert response["Content-Type"] == "text/css"
    assert response.content.decode() == f":root{{--brand:#{colour.lower()};--on-brand:{text}}}\n"


@pytest.mark.parametrize("colour", ["red", "12345g", "0b5fa5;}", "0b5fa5a", ""])
def test_what_is_no_colour_is_no_page(colour: str, client: Client, db: None) -> None:
    assert client.get(f"/brand/{colour}.css").status_code == 404
