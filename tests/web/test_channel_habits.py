"""A channel's links and quiet hours: stored, refused in words, and heeded by its posting times."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from django.test import Client

from publisher.models import Account, Item, Organisation, Slot
from publisher.schedule.slots import next_slot
from tests.review.send_outs import post_of, send_out
from tests.web.desk import live, typed
from tests.web.office import reader_in, signed_in, words

pytestmark = pytest.mark.database


def at(account: Account, after: str) -> str:
    found = next_slot(account, datetime.fromisoformat(after).replace(tzinfo=UTC))
    return found.strftime("%Y-%m-%d %H:%M") if found else ""


def test_what_is_typed_is_stored_and_shown(practice_account: Account, annas: Client) -> None:
    data = {
        "language": "da", "utm_source": "praksis", "utm_medium": "", "utm_campaign": "{title}",
        "quiet_from": "22.00", "quiet_until": "07:00", "keeps_holidays": "on",
    }  # fmt: skip
    assert annas.post(f"/channels/{practice_account.pk}/habits", data).status_code == 302
    practice_account.refresh_from_db()
    assert practice_account.link_values == {"utm_source": "praksis", "utm_campaign": "{title}"}
    assert (practice_account.quiet_from, practice_account.quiet_until) == (time(22), time(7))
    assert practice_account.keeps_holidays
    page = words(annas.get(f"/channels/{practice_account.pk}"))
    assert "utm_source=praksis" in page
    assert "22.00–07.00" in page
    assert "its posting times are left out" in page


def test_half_of_the_quiet_hours_is_refused_and_kept(practice_account: Account, annas: Client) -> None:
    response = annas.post(
        f"/channels/{practice_account.pk}/habits", {"language": "da", "quiet_from": "22:00", "utm_source": "min"}
    )
    assert response.status_code == 422
    assert "Write both times, or neither." in words(response)
    assert 'value="min"' in response.content.decode()


def test_readers_change_nothing(practice_account: Account) -> None:
    reader = signed_in(reader_in(practice_account.organisation))
    assert reader.post(f"/channels/{practice_account.pk}/habits", {"utm_source": "x"}).status_code == 403


def test_posting_times_leave_out_the_quiet_hours_and_holidays(practice_account: Account) -> None:
    Slot.objects.bulk_create(
        Slot(account=practice_account, weekday=day, time=time(hour)) for day in range(7) for hour in (6, 12, 23)
    )
    assert at(practice_account, "2026-12-23 12:00") == "2026-12-23 22:00"
    practice_account.quiet_from, practice_account.quiet_until = time(22), time(7)
    assert at(practice_account, "2026-12-23 12:00") == "2026-12-24 11:00"
    assert at(practice_account, "2026-12-24 12:00") == "2026-12-25 11:00"
    practice_account.keeps_holidays = True
    assert at(practice_account, "2026-12-24 12:00") == "2026-12-27 11:00"


def test_language_and_visibility_are_chosen_where_the_platform_has_a_choice(
    secretariat: Organisation, practice_account: Account, item: Item, annas: Client
) -> None:
    account = Account.objects.create(organisation=secretariat, kind="mastodon", name="Museet")
    path = f"/channels/{account.pk}/habits"
    assert "Everyone, but not in the server’s public lists" in words(annas.get(path))
    assert "Who sees the posts" not in words(annas.get(f"/channels/{practice_account.pk}/habits"))
    assert annas.post(path, {"language": "en", "visibility": "direct"}).status_code == 422
    assert annas.post(path, {"language": "en", "visibility": "unlisted"}).status_code == 302
    page = words(annas.get(f"/channels/{account.pk}"))
    assert "Language of the posts English" in page and "Who sees the posts Everyone, but not" in page
    account.refresh_from_db()
    post = post_of(send_out(item, None, account))
    assert (post.language, post.visibility) == ("en", "unlisted")


def test_who_sees_one_post_is_chosen_with_it(secretariat: Organisation, item: Item, annas: Client) -> None:
    account = Account.objects.create(organisation=secretariat, kind="mastodon", name="Museet", visibility="unlisted")
    campaign = send_out(item, None, account)
    post, path = post_of(campaign), f"/sendouts/{campaign.pk}/edit"
    assert "Who sees the post" in words(annas.get(path))
    assert live(annas, path, typed(campaign) | {f"more-{post.pk}-visibility": "private"}).status_code == 200
    assert post_of(campaign).visibility == "private"
    assert live(annas, path, typed(campaign) | {f"more-{post.pk}-visibility": "direct"}).status_code == 422
    without = {name: value for name, value in typed(campaign).items() if not name.endswith("visibility")}
    assert live(annas, path, without | {"posts-text": "Andre ord"}).status_code == 200
    assert (post_of(campaign).visibility, post_of(campaign).text) == ("private", "Andre ord")


def test_where_no_link_can_be_clicked_the_text_says_where_it_is_or_has_it(
    secretariat: Organisation, practice_account: Account, annas: Client
) -> None:
    account = Account.objects.create(organisation=secretariat, kind="instagram", name="Kultur")
    path = f"/channels/{account.pk}"
    assert "A post’s link the text says “Link in our profile”" in words(annas.get(path))
    assert "Write the link’s address in the text" in words(annas.get(f"{path}/habits"))
    assert annas.post(f"{path}/habits", {"language": "da", "writes_link": "on"}).status_code == 302
    account.refresh_from_db()
    assert account.writes_link
    assert "its address stands in the text, where nobody can click it" in words(annas.get(path))
    assert "Write the link’s address" not in words(annas.get(f"/channels/{practice_account.pk}/habits"))
