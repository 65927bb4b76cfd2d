"""What people write is never taken for a machine's mail: not by what the subject or the quoted mail says."""

from __future__ import annotations

import time

import pytest

from publisher.track.inbound.reading import TEXT_LENGTH, read
from publisher.track.inbound.sorting import sort
from publisher.track.inbound.words import own_words
from publisher.vocabulary import InboundKind
from tests.track.inbound.conftest import written

TO = "nyt@kultur.example.org"
BELOW = (
    "\n\nDen tor. 26. nov. 2026 kl. 08.00 skrev Kulturnyt <nyt@kultur.example.org>:\n\n> Afmeld nyhedsbrevet: stop\n"
)
OUTLOOK = "\n\nFra: Kulturnyt\nSendt: 26. november 2026 08:00\nTil: Anna\nEmne: Stop madspild\n\nStop! Afmeld her\n"


def kind(raw: bytes, about: str = "") -> InboundKind:
    return sort(read(raw), about).kind


@pytest.mark.parametrize("knows_the_mail", [True, False])
@pytest.mark.parametrize("below", ["", BELOW, OUTLOOK])
@pytest.mark.parametrize(
    "about",
    [
        "På ferie med kunsten",
        "Ferielukket på museet",
        "Fravær i skolen: hvad gør vi?",
        "Tak for din henvendelse om afmelding",
        "Ikke til stede: en udstilling",
        "Automatisk svar: sådan gør du",
        "Stop madspild",
        "Slet min søgehistorik",
        "Toget er forsinket",
        "Pakken blev returneret",
        "Delivery status of the harbour",
    ],
)
@pytest.mark.parametrize("prefix", ["Sv:", "SV: ", "Re: ", "[EKSTERN] Sv: ", "Re: Sv: ", "RE[2]: "])
def test_a_person_who_answers_a_mail_is_a_person(prefix: str, about: str, below: str, knows_the_mail: bool) -> None:
    body = f"Tak for det! Vi ses den 5.11.26 eller 4.12.26.{below}"
    answer = written(TO, subject=f"{prefix}{about}", body=body, In_Reply_To="<d1.2@opslag.test>")
    assert kind(answer, about if knows_the_mail else "") == InboundKind.REPLY
    wish = written(TO, subject=f"{prefix}{about}", body=f"Afmeld mig venligst{below}")
    assert kind(wish, about if knows_the_mail else "") == InboundKind.WISH


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Stop madspild", "Fint skrevet"),
        ("Kulturnyt", "Bussen er forsinket, skriver I. 5.7.26 passer os fint."),
        ("Forsinket svar", "Beklager. Vi kan den 5.1.26."),
        ("Returneret bog", "Anna <anna@example.org> returnerede 550 bøger, 5.1.1 af dem til jer."),
        ("På ferie", "Vi er på ferie i uge 30. Hvornår har I åbent?"),
        ("Fravær", "Emil er syg i dag."),
        ("Mail delivery", "The mail could not be delivered:\n<anna@example.org>: 550 5.1.1 user unknown"),
    ],
)
def test_a_person_who_writes_anew_is_a_person(subject: str, body: str) -> None:
    about = subject if subject == "Stop madspild" else ""
    assert kind(written(TO, subject=subject, body=body), about) == InboundKind.REPLY


@pytest.mark.parametrize(
    ("subject", "about"),
    [("Afmeld", "Kulturnyt"), ("Afmeld: Stop madspild", "Stop madspild"), ("AFMELDING", ""), ("Sv: STOP", "Kulturnyt")],
)
def test_what_a_person_writes_into_the_subject_counts(subject: str, about: str) -> None:
    assert kind(written(TO, subject=subject, body=""), about) == InboundKind.WISH


@pytest.mark.parametrize("sender", ["postmaster@kommune.example", "Åse <beboer0@example.org>"])
def test_who_answers_is_no_bounce_whatever_the_title_was(sender: str) -> None:
    raw = written(TO, subject="Sv: Toget er forsinket", body="Ja! Det skete også 5.11.26." + BELOW, From=sender)
    assert kind(raw, "Toget er forsinket") == kind(raw) == InboundKind.REPLY


@pytest.mark.parametrize("header", [{"Precedence": "bulk"}, {"Precedence": "list"}, {"List_Id": "<byen.example.org>"}])
def test_a_person_who_writes_over_a_list_is_a_person(header: dict[str, str]) -> None:
    answer = written(TO, body="Hvornår begynder det?", In_Reply_To="<d1.2@opslag.test>", **header)
    assert kind(answer) == InboundKind.REPLY


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        ("Autosvar: Kulturnyt", {}),
        ("Automatic reply: Kulturnyt", {}),
        ("Fraværende: Kulturnyt", {}),
        ("Sv: Kulturnyt", {"X_Autoreply": "yes"}),
        ("Sv: Kulturnyt", {"X_Autorespond": "yes"}),
        ("Sv: Kulturnyt", {"Precedence": "auto_reply", "In_Reply_To": "<d1.2@opslag.test>"}),
        ("Kulturnyt", {"Precedence": "bulk"}),
        ("Kulturnyt", {"Precedence": "junk"}),
        ("Sv: På ferie med kunsten", {"Auto_Submitted": "auto-replied"}),
    ],
)
def test_a_machine_says_so_itself(subject: str, headers: dict[str, str]) -> None:
    raw = written(TO, subject=subject, body="Jeg er på ferie til 5.7.26. Stop ikke med at skrive.", **headers)
    assert kind(raw) == InboundKind.AUTO_REPLY


def test_a_bounce_in_words_of_which_no_word_is_certain_is_a_guess() -> None:
    raw = written(TO, subject="Delivery failed", body="Noget gik galt.", From="mailer-daemon@mx.example.org")
    found = sort(read(raw))
    assert (found.kind, found.is_guess) == (InboundKind.BOUNCE, True)
    said = written(TO, subject="Delivery failed", body="550 5.1.1 unknown", From="mailer-daemon@mx.example.org")
    assert not sort(read(said)).is_guess


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Tak!{BELOW}", "Tak!"),
        (f"Tak!{OUTLOOK}", "Tak!"),
        ("Tak!\n\nOn Thu, Nov 26, 2026 at 8 AM Kulturnyt i Havnby <\nnyt@kultur.example.org> wrote:\n> stop", "Tak!"),
        ("Tak!\n\n*Fra:* Kulturnyt\n*Dato:* 26. november\n\nstop", "Tak!"),
        ("> Kom og hør\n> stop her\n\nAfmeld mig\n> mere", "Afmeld mig"),
        ("Den bog, som Anna skrev, er god.\nAfmeld mig", "Den bog, som Anna skrev, er god.\nAfmeld mig"),
        ("Fra: i dag vil jeg ikke mere", "Fra: i dag vil jeg ikke mere"),
        ("Den 5.11. passer mig.\nDen 26. nov. 2026 skrev Kulturnyt:\n> stop", "Den 5.11. passer mig."),
        ("Tak!\n-- \nStop spild af papir", "Tak!"),
        ("Tak!\n-----Oprindelig meddelelse-----\nstop", "Tak!"),
    ],
)
def test_own_words_are_what_the_person_wrote(text: str, expected: str) -> None:
    assert own_words(text) == expected


def test_no_words_take_long() -> None:
    line = f"den {'1' * 140}{' skrev' * 25}\n"
    began = time.process_time()
    own_words((line * 100)[:TEXT_LENGTH])
    assert time.process_time() - began < 0.2
