"""What is meant for one mailbox, for a destination, or for our own way out."""

from __future__ import annotations

import pytest

from publisher.deliver.patience import ALL_IN_A_ROW, Patience
from publisher.transports.contract import Accepted
from publisher.transports.smtp_replies import asked_to_wait, refusal_of_recipient

YES = Accepted(250)


def heard(*answers: tuple[str, bytes | Accepted]) -> Patience:
    patience = Patience()
    for address, said in answers:
        if isinstance(said, Accepted):
            patience.accepted(address)
        else:
            patience.refused(address, asked_to_wait(int(said[:3]), said[4:]))
    return patience


def tired(patience: Patience) -> list[str]:
    return [name for name, _ in patience.tired]


@pytest.mark.parametrize("said", [b"421 Try later", b"450 4.7.1 Busy", b"451 4.3.0 Local error", b"452 Too long a day"])
def test_three_in_a_row_are_the_destination_s(said: bytes) -> None:
    assert tired(heard(("a@b.dk", said), ("b@b.dk", said))) == []
    assert tired(heard(("a@b.dk", said), ("b@b.dk", said), ("c@b.dk", said))) == ["b.dk"]
    assert tired(heard(("a@b.dk", said), ("b@b.dk", said), ("c@b.dk", YES), ("d@b.dk", said))) == []


@pytest.mark.parametrize(
    "said", [b"452 4.2.2 Mailbox full", b"450 4.2.0 Greylisted", b"450 4.1.1 Unknown", b"454 4.7.0 x"]
)
def test_one_mailbox_is_not_its_domain(said: bytes) -> None:
    assert tired(heard(*[(f"{n}@b.dk", said) for n in range(9)])) == []


@pytest.mark.parametrize(
    "said",
    [
        b"421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints",
        b"421 4.7.28 Our system has detected an unusual rate of mail",
        b"451 4.7.650 The mail server has been temporarily rate limited",
        b"450 4.2.1 The user is receiving mail at a rate that is too fast",
        b"452 4.5.3 Too many messages",
        b"451 4.7.0 Throttled",
    ],
)
def test_plain_words_are_enough_once(said: bytes) -> None:
    assert tired(heard(("a@googlemail.com", said))) == ["gmail.com"]


def test_one_that_is_tried_again_needs_one_refusal() -> None:
    patience = Patience()
    patience.tried = frozenset({"b.dk"})
    patience.refused("a@b.dk", asked_to_wait(451, b"4.3.0 x"))
    assert tired(patience) == ["b.dk"]


def test_refusals_for_good_are_about_those_they_name() -> None:
    patience = Patience()
    for n in range(9):
        patience.refused(f"{n}@b.dk", refusal_of_recipient(550, b"5.1.1 Unknown"))
    assert not patience.tired and patience.worn_out is None


def test_the_same_for_everybody_is_our_own_mail_server() -> None:
    answers = [(f"a@d{n % 5}.dk", b"451 4.3.0 x") for n in range(ALL_IN_A_ROW)]
    assert heard(*answers).worn_out is not None
    assert heard(*answers[:-1], ("z@z.dk", YES), answers[-1]).worn_out is None
