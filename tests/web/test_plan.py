"""From news to a draft: only one's own newsletters and channels; a button pressed twice makes one draft."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from publisher.models import Account, AuditEntry, Campaign, Item, Newsletter, Organisation, User
from publisher.vocabulary import AccountStatus, CampaignStatus, ItemState
from tests.web.desk import more_items, questions
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database


@pytest.fixture
def client(anna: User) -> Client:
    return signed_in(anna)


def chosen(newsletter: Newsletter | None, *accounts: Account) -> dict[str, object]:
    return {"newsletter": newsletter.pk if newsletter else "none", "accounts": [account.pk for account in accounts]}


def test_the_choice_makes_a_draft_and_leads_to_the_composer(
    item: Item, newsletter: Newsletter, practice_account: Account, client: Client, anna: User
) -> None:
    response = client.post(f"/news/{item.pk}/plan", chosen(newsletter, practice_account))
    campaign = Campaign.objects.get()
    assert response["Location"] == f"/sendouts/{campaign.pk}/edit"
    assert (campaign.status, campaign.created_by, campaign.messages.count()) == (CampaignStatus.DRAFT, anna, 2)
    assert AuditEntry.objects.get().action == "created"


def test_pressed_twice_it_is_one_draft(
    item: Item, newsletter: Newsletter, practice_account: Account, client: Client
) -> None:
    data = chosen(newsletter, practice_account)
    first, second = (client.post(f"/news/{item.pk}/plan", data)["Location"] for _ in range(2))
    assert first == second
    assert Campaign.objects.count() == 1
    assert client.post(f"/news/{item.pk}/plan", chosen(newsletter))["Location"] != first


def test_a_draft_that_was_worked_on_is_not_handed_out_again(item: Item, newsletter: Newsletter, client: Client) -> None:
    client.post(f"/news/{item.pk}/plan", chosen(newsletter))
    Campaign.objects.update(revision=2)
    client.post(f"/news/{item.pk}/plan", chosen(newsletter))
    assert Campaign.objects.count() == 2


def test_several_ticked_items_in_their_order(item: Item, newsletter: Newsletter, client: Client) -> None:
    first, second = more_items(item.organisation, 2)
    page = words(client.get("/news/plan", {"item": [second.pk, item.pk, first.pk]}))
    assert "From 3 news items; the first one leads." in page
    client.post("/news/plan", chosen(newsletter) | {"item": [second.pk, item.pk, first.pk]})
    assert [each.item_id for each in Campaign.objects.get().chosen.all()] == [second.pk, item.pk, first.pk]


def test_nothing_ticked_leads_back_and_says_so(client: Client) -> None:
    response = client.get("/news/plan", follow=True)
    assert response.redirect_chain == [("/news", 302)]
    assert "Choose at least one news item." in words(response)


def test_nowhere_chosen_is_refused_in_words(item: Item, newsletter: Newsletter, client: Client) -> None:
    response = client.post(f"/news/{item.pk}/plan", chosen(None))
    assert response.status_code == 422
    assert "Choose a newsletter or a channel to send to." in words(response)
    assert not Campaign.objects.exists()


def test_without_newsletter_and_channel_it_says_what_to_do(item: Item, client: Client) -> None:
    assert "Nowhere to send it yet" in words(client.get(f"/news/{item.pk}/plan"))


def test_only_ones_own_outlets_can_be_chosen(
    item: Item, newsletter: Newsletter, practice_account: Account, elsewhere: Organisation, client: Client
) -> None:
    foreign = Account.objects.create(organisation=elsewhere, kind="practice", name="Fremmed")
    assert "Fremmed" not in words(client.get(f"/news/{item.pk}/plan"))
    assert client.post(f"/news/{item.pk}/plan", chosen(newsletter, foreign)).status_code == 422
    assert not Campaign.objects.exists()


def test_a_broken_channel_is_named_and_not_ticked(item: Item, practice_account: Account, client: Client) -> None:
    assert "checked" in client.get(f"/news/{item.pk}/plan").content.decode()
    Account.objects.update(status=AccountStatus.NEEDS_RECONNECT)
    response = client.get(f"/news/{item.pk}/plan")
    assert "Prøvekanal (Practice channel): must be connected again" in words(response)
    assert "checked" not in response.content.decode()


def test_a_stranger_and_foreign_items_are_not_found(
    item: Item, sven: User, client: Client, elsewhere: Organisation
) -> None:
    assert signed_in(sven).get(f"/news/{item.pk}/plan").status_code == 404
    foreign = more_items(elsewhere, 1)[0]
    assert client.get("/news/plan", {"item": [item.pk, foreign.pk]}).status_code == 404
    assert client.get("/news/plan", {"item": ["²", "x", "9" * 30]}).status_code == 302


def test_the_page_is_tidy_and_asks_little(item: Item, newsletter: Newsletter, client: Client) -> None:
    assert questions(client, f"/news/{item.pk}/plan") <= 12
    assert (
        '<html lang="da">'
        in signed_in(User.objects.get(name="Anna"), "da").get(f"/news/{item.pk}/plan").content.decode()
    )


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"withdrawn_at": timezone.now(), "withdrawn_why": "gone"}, "is withdrawn: nothing is planned with it"),
        ({"state": ItemState.HELD}, "is held back: nothing is planned with it"),
    ],
)
def test_what_is_no_news_is_refused_in_words(
    item: Item, newsletter: Newsletter, client: Client, facts: dict[str, object], says: str
) -> None:
    (other,) = more_items(item.organisation, 1)
    Item.objects.filter(pk=item.pk).update(**facts)
    for answer in (
        client.get(f"/news/{item.pk}/plan", follow=True),
        client.post(f"/news/{item.pk}/plan", chosen(newsletter), follow=True),
        client.get("/news/plan", {"item": [other.pk, item.pk]}, follow=True),
        client.post("/news/plan", chosen(newsletter) | {"item": [other.pk, item.pk]}, follow=True),
    ):
        assert f"“{item.title}” {says}" in words(answer).replace("&amp;", "&")
    assert not Campaign.objects.exists()
    everything = client.get("/news?show=all").content.decode()
    assert f'name="item" value="{other.pk}"' in everything and f'name="item" value="{item.pk}"' not in everything
