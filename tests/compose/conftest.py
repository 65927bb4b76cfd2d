"""A send-out as the secretariat would make it: three stories, one with a picture, nine municipalities."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image, ImageDraw

from publisher.compose.drafts import create_campaign
from publisher.items.pictures import store_picture
from publisher.models import (
    Account,
    Area,
    Campaign,
    Cooperation,
    Item,
    Message,
    Newsletter,
    Organisation,
    Picture,
    Topic,
)
from publisher.vocabulary import Outlet

ALT = "To hænder underskriver en aftale på et bord."
CAPTION = "Formanden underskriver kulturaftalen på rådhuset."
AREAS = ["Albertslund", "Furesø", "Halsnæs", "Helsingør", "Herlev", "Ishøj", "Køge", "Roskilde", "Rødovre"]
BODY = (
    "<p>Det er med glæde, at vi præsenterer den nye aftale. Ni kommuner har skrevet under.</p>"
    "<h2>Musik og ungekultur</h2>"
    "<p>Musik er igen i højsædet. "
    '<a href="https://kultur.example.org/musik?a=1&amp;b=2">Læs mere om musikken her</a>.</p>'
    "<ul><li>Kor for alle</li><li>Øvelokaler til unge</li></ul>"
    "<blockquote><p>Vi kan løfte mere sammen.</p></blockquote>"
)


def picture_of(width: int = 1500, height: int = 900, kind: str = "JPEG") -> bytes:
    """A drawing with something to see."""
    image = Image.new("RGB", (width, height), "#DCE8F0")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill="#8A6A4A")
    draw.ellipse((width // 5, height // 3, width // 2, height), fill="#B9563B")
    draw.polygon(
        [(width * 3 // 5, height * 2 // 3), (width * 4 // 5, height // 6), (width, height * 2 // 3)], fill="#2E6F57"
    )
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.fixture
def picture(secretariat: Organisation) -> Picture:
    """A picture with description, caption and photographer."""
    return store_picture(secretariat, picture_of(), alt=ALT, caption=CAPTION, credit="Åse Sørensen")


@pytest.fixture
def lead_item(secretariat: Organisation, cooperation: Cooperation, picture: Picture) -> Item:
    """The story that leads: body with headings, list, quote and link; picture; all nine municipalities."""
    item = Item.objects.create(
        organisation=secretariat,
        title="Ny kulturaftale er underskrevet",
        lead="Ni kommuner går sammen om kulturen de næste fire år. Musik og ungekultur er igen i højsædet.",
        body_html=BODY,
        body_text="Det er med glæde, at vi præsenterer den nye aftale.",
        picture=picture,
        author="Åse Sørensen",
        language="da",
        link="https://kultur.example.org/nyheder/ny-kulturaftale",
        link_key="kultur.example.org/nyheder/ny-kulturaftale",
        published_at=datetime(2021, 1, 13, 14, 16, tzinfo=UTC),
    )
    item.areas.set(
        Area.objects.create(cooperation=cooperation, name=name, slug=f"a{n}") for n, name in enumerate(AREAS)
    )
    item.topics.set(
        Topic.objects.create(cooperation=cooperation, name=name, slug=f"t{n}")
        for n, name in enumerate(["Børn og unge", "Musik"])
    )
    return item


@pytest.fixture
def campaign(
    secretariat: Organisation, newsletter: Newsletter, practice_account: Account, lead_item: Item, item: Item
) -> Campaign:
    """A draft of a mail with two stories, and a post."""
    return create_campaign(secretariat, [lead_item, item], newsletter=newsletter, accounts=[practice_account])


@pytest.fixture
def mail(campaign: Campaign) -> Message:
    """The campaign's mail."""
    return campaign.messages.get(outlet=Outlet.EMAIL)


@pytest.fixture
def post(campaign: Campaign) -> Message:
    """The campaign's post."""
    return campaign.messages.get(outlet=Outlet.POST)
