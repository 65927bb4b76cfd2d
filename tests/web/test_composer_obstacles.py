"""What keeps a draft from being sent is said in the bar, with the field that puts it right."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from publisher.compose.drafts import create_campaign
from publisher.items.pictures import store_picture
from publisher.models import Account, Campaign, Item, Newsletter
from tests.compose.conftest import picture_of
from tests.review.send_outs import mail_of, send_out
from tests.web.desk import live, more_items, typed
from tests.web.office import words

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 11, tzinfo=UTC)


def read(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


@time_machine.travel(NOON, tick=False)
def test_a_suggested_time_is_taken_by_its_button_and_the_error_goes(
    campaign: Campaign, edit: str, annas: Client
) -> None:
    data = typed(campaign) | {"when-timing": "later", "when-day": "2026-03-29", "when-clock": "02:30"}
    refused = live(annas, edit, data).content.decode()
    assert 'id="id_when-clock_slot" hx-swap-oob="true"><p class="field-error"' in refused
    assert 'value="clock:03:30">Use 03:30' in refused
    assert '<a href="#id_when-clock">Time of day: There is no 02:30' in refused.split('id="promise"')[1]
    taken = live(annas, edit, data | {"do": "clock:03:30"}).content.decode()
    assert 'value="03:30"' in taken
    assert 'class="field-error"' not in taken
    assert read(campaign).scheduled_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    corrected = live(annas, edit, data | {"when-clock": "01:30"}).content.decode()
    assert '<div id="id_when-clock_slot" hx-swap-oob="true"></div>' in corrected
    assert annas.post(edit, data | {"do": "clock:03:30"})["Location"] == edit


@time_machine.travel(datetime(2026, 10, 25, 8, tzinfo=UTC), tick=False)
def test_a_past_time_that_came_twice_is_said_to_be_past(campaign: Campaign, edit: str, bos: Client) -> None:
    data = typed(campaign) | {"when-timing": "later", "when-day": "2026-10-25", "when-clock": "02:30"}
    page = words(live(bos, edit, data))
    assert "Cannot be sent yet: Day: That time has passed; choose a later one." in page
    assert "comes twice" not in page


@pytest.mark.parametrize(
    ("field", "value", "anchor", "said"),
    [
        ("mail-{mail}-subject", "", "id_mail-{mail}-subject", "The mail has no subject. Write one."),
        ("story-{block}-title", " ", "id_story-{block}-title", "A story has no headline. Write one."),
        ("posts-text", "x" * 600, "id_posts-text", "The text is 6"),
        ("posts-text", "", "id_posts-text", "The post has neither text nor picture."),
    ],
)
def test_the_bar_names_the_first_thing_to_put_right_and_the_button_leads_there(
    field: str, value: str, anchor: str, said: str, campaign: Campaign, edit: str, bos: Client
) -> None:
    keys = {"mail": mail_of(campaign).pk, "block": mail_of(campaign).blocks.get().pk}
    anchor = anchor.format(**keys)
    source = live(bos, edit, typed(campaign) | {field.format(**keys): value}).content.decode()
    bar, buttons = source.split('id="promise"')[1].split('id="act"')
    assert f'<a href="#{anchor}">{said}' in bar
    assert "Is sent to" not in bar
    assert f'class="button primary" id="act-obstacle" href="#{anchor}"' in buttons
    assert 'value="approve"' not in buttons
    assert f'id="{anchor}"' in bos.get(edit).content.decode()
    mended = live(bos, edit, typed(campaign) | {field.format(**keys): "Kort", "promised": "now", "obstacle": anchor})
    assert 'value="approve"' in mended.content.decode()


def test_a_picture_without_a_description_leads_to_its_field(
    item: Item, newsletter: Newsletter, practice_account: Account, bos: Client
) -> None:
    item.picture = store_picture(item.organisation, picture_of())
    item.save()
    for campaign in (send_out(item, newsletter), send_out(item, None, practice_account)):
        source = bos.get(f"/sendouts/{campaign.pk}/edit").content.decode()
        assert f'id="act-obstacle" href="#id_picture-{item.picture.pk}-alt"' in source


def test_what_no_field_puts_right_leads_to_the_checks(campaign: Campaign, edit: str, bos: Client) -> None:
    Account.objects.update(status="needs_reconnect")
    assert 'id="act-obstacle" href="#checks-head"' in bos.get(edit).content.decode()


def test_posts_of_several_stories_say_which_one_they_are_about(
    item: Item, newsletter: Newsletter, practice_account: Account, edit: str, bos: Client
) -> None:
    assert "A post is about one story" not in words(bos.get(edit))
    others = more_items(item.organisation, 2)
    several = create_campaign(item.organisation, [item, *others], newsletter=newsletter, accounts=[practice_account])
    page = words(bos.get(f"/sendouts/{several.pk}/edit"))
    assert f"its text and link are those of “{item.title}”. The other 2 stories are not in it." in page
