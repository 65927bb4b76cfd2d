"""Pictures for posts, and readable failures in the shared contract suite."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.utils import translation
from PIL import Image

from publisher.platforms.contract import PictureFile

pytest.register_assert_rewrite("tests.platforms.platform_contract", "tests.platforms.further_contracts")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Tests look for our own English words, also where the Danish catalogue is compiled."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def picture() -> PictureFile:
    """A small real picture with a Danish description."""
    content = io.BytesIO()
    Image.new("RGB", (64, 48), "#205080").save(content, "PNG")
    return PictureFile(content.getvalue(), "image/png", "Børn løber over pladsen foran biblioteket", 64, 48)
