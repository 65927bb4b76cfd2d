"""A channel that is refused for what only its platform can mend: said so, and nobody is sent to connect it again."""

from __future__ import annotations

import pytest

from publisher.accounts.refusal import refused
from publisher.compose.preflight import checks
from publisher.errors import AccountError, Explanation
from publisher.models import Account, Item, Notice, Organisation, User
from publisher.platforms.x_calls import NO_CREDIT
from publisher.vocabulary import AccountStatus
from tests.review.send_outs import send_out
from tests.web.office import signed_in, words

pytestmark = pytest.mark.database

SAID = "The credit at X is used up. Whoever has the developer account must pay in more at X; then try again."


@pytest.fixture
def account(secretariat: Organisation) -> Account:
    refused = AccountError(NO_CREDIT)
    return Account.objects.create(
        organisation=secretariat,
        kind="x",
        name="Kultur",
        status=AccountStatus.NEEDS_RECONNECT,
        last_error=refused.explanation.as_json(),
    )


def test_its_page_asks_to_try_again_and_not_to_connect(olga: User, account: Account) -> None:
    page = words(signed_in(olga).get(f"/channels/{account.pk}"))
    assert SAID in page and "Credit used up" in page and "Try again" in page
    assert "Connect again" not in page and "Must be connected again" not in page


def test_the_list_and_the_first_page_say_it(olga: User, account: Account) -> None:
    page = words(signed_in(olga).get("/channels"))
    assert "1 channel waits for something at its platform." in page and "Credit used up" in page
    page = words(signed_in(olga).get("/"))
    assert SAID in page and "See what to do : Kultur (X)" in page and "Connect again" not in page


def test_the_checks_say_it(account: Account, item: Item) -> None:
    campaign = send_out(item, None, account)
    found = [str(check.explanation) for check in checks(campaign)]
    assert any(SAID in each for each in found)
    assert not any("must be connected again" in each for each in found)


def test_another_refusal_still_asks_to_connect(olga: User, account: Account) -> None:
    Account.objects.update(last_error=AccountError("It has been revoked.").explanation.as_json())
    page = words(signed_in(olga).get(f"/channels/{account.pk}"))
    assert "Connect again" in page and "Must be connected again" in page


def test_the_mail_says_it_too(olga: User, account: Account) -> None:
    account.status = AccountStatus.CONNECTED
    account.save()
    refused(account, AccountError(NO_CREDIT).explanation)
    told = str(Explanation.from_json(Notice.objects.get(user=olga).explanation))
    assert told.startswith(f"“Kultur (X)” cannot publish now. {SAID}") and "connected again" not in told
