"""Counted links: one address for everybody, and a signed token behind it only for those who said yes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from publisher.compose.compiled import Recipient, compile_message, personalise
from publisher.compose.editions import EVERYTHING, edition, load
from publisher.compose.links import click_token, clicked_delivery, link_code, news_url
from publisher.models import Link, Message
from publisher.vocabulary import LinkCounting
from tests.compose.reading import check_wire, parts_of, read_html, read_wire

ANNA = Recipient(4711, "anna@example.org", "Anna", "a" * 22)
BO = Recipient(4712, "bo@example.org", "Bo", "b" * 22, consented=True)
MUSIC = "https://kultur.example.org/musik?a=1&b=2"
STORY = "https://kultur.example.org/nyheder/ny-kulturaftale"


def counted(mail: Message, counting: LinkCounting) -> Message:
    mail.newsletter.link_counting = counting
    mail.newsletter.save()
    return mail


def written(mail: Message, recipient: Recipient) -> bytes:
    wire = personalise(edition(load(compile_message(mail)), EVERYTHING), recipient)
    check_wire(wire)
    return wire


def followed(wire: bytes) -> tuple[list[str], list[str]]:
    """The counted addresses in the text and in the HTML."""
    text, html = parts_of(wire)
    in_html = [href for href, _words in read_html(html).links if "/l/" in href]
    return re.findall(r"https://opslag\.test/l/[^\s<>]+", text.replace("\r", "")), in_html


@pytest.mark.database
def test_every_distinct_link_of_the_stories_is_counted_and_nothing_else(mail: Message) -> None:
    wire = written(mail, ANNA)
    links = {link.url: link for link in mail.links.all()}
    assert list(links)[:2] == [MUSIC, STORY]
    assert [link.number for link in links.values()] == list(range(1, len(links) + 1))
    assert links[STORY].title == "Ny kulturaftale er underskrevet"
    in_text, in_html = followed(wire)
    assert set(in_text) == set(in_html) == {f"https://opslag.test/l/{link.code}" for link in links.values()}
    hrefs = [href for href, _words in read_html(parts_of(wire)[1]).links]
    assert MUSIC not in hrefs and STORY not in hrefs
    assert f"https://opslag.test/u/{ANNA.token}" in hrefs and "https://kultur.example.org" in hrefs
    assert f"https://opslag.test/m/{mail.public_id.hex}" in hrefs


@pytest.mark.database
def test_the_page_of_the_mail_counts_nobody(mail: Message) -> None:
    compile_message(mail)
    assert "/l/" not in mail.composed_html + mail.composed_text
    assert STORY in mail.composed_html


@pytest.mark.database
def test_not_at_all_leads_straight_there(mail: Message) -> None:
    wire = written(counted(mail, LinkCounting.NONE), BO)
    assert followed(wire) == ([], []) and not mail.links.exists()
    assert {MUSIC, STORY} <= {href for href, _words in read_html(parts_of(wire)[1]).links}


@pytest.mark.database
def test_together_is_the_same_for_everybody_whatever_they_said(mail: Message) -> None:
    compiled = compile_message(counted(mail, LinkCounting.TOGETHER))
    segments = edition(load(compiled), EVERYTHING)
    assert not segments.one_by_one
    assert ["slot", "click"] not in compiled.segments
    said_yes = personalise(segments, ANNA._replace(consented=True))
    assert said_yes == personalise(segments, ANNA)
    assert click_token(ANNA.delivery_id) not in said_yes


@pytest.mark.database
def test_one_by_one_names_those_who_said_yes_and_nobody_else(mail: Message) -> None:
    counted(mail, LinkCounting.ONE_BY_ONE)
    plain, named = followed(written(mail, ANNA)), followed(written(mail, BO))
    token = click_token(BO.delivery_id).decode()
    assert [[f"{address}/{token}" for address in each] for each in plain] == list(named)
    assert plain == followed(written(counted(mail, LinkCounting.TOGETHER), ANNA))
    assert read_wire(written(mail, BO))["List-Unsubscribe"] == f"<https://opslag.test/u/{BO.token}>"


@pytest.mark.database
def test_compiled_again_it_keeps_its_codes_and_its_clicks(mail: Message) -> None:
    compile_message(mail)
    Link.objects.filter(message=mail).update(clicks=7)
    before = list(mail.links.values_list("code", "url", "number", "clicks"))
    compile_message(Message.objects.get(pk=mail.pk))
    assert list(mail.links.values_list("code", "url", "number", "clicks")) == before
    # A link that was taken out goes with it, unless somebody may have the mail already.
    block = mail.blocks.order_by("position")[0]
    block.content["link"] = "https://kultur.example.org/andet"
    block.save()
    compile_message(Message.objects.get(pk=mail.pk))
    assert STORY not in mail.links.values_list("url", flat=True)


@pytest.mark.database
def test_our_own_addresses_and_endless_ones_are_not_counted(mail: Message) -> None:
    block = mail.blocks.order_by("position")[0]
    own, endless = "https://opslag.test/accessibility", f"https://kultur.example.org/{'x' * 2000}"
    lookalike = "https://opslag.test.example.org/"
    block.content["html"] = "".join(f'<p><a href="{url}">Her</a></p>' for url in (own, endless, lookalike))
    block.save()
    compile_message(mail)
    urls = set(mail.links.values_list("url", flat=True))
    assert lookalike in urls and not {own, endless} & urls


@pytest.mark.database
def test_our_page_of_news_written_by_hand_is_counted_as_any_article(mail: Message) -> None:
    block = mail.blocks.order_by("position")[1]
    assert block.item is not None
    block.content["link"] = news_url(block.item.pk)
    block.save()
    wire = written(mail, ANNA)
    (link,) = mail.links.filter(url=news_url(block.item.pk))
    assert link.title == block.content["title"]
    assert f"https://opslag.test/l/{link.code}" in followed(wire)[1]


def test_codes_differ_by_mail_and_address() -> None:
    one, other = Message(), Message()
    codes = {link_code(mail, url) for mail in (one, other) for url in (MUSIC, STORY)}
    assert len(codes) == 4 and all(re.fullmatch("[a-z2-7]{16}", code) for code in codes)
    assert link_code(one, MUSIC) in codes


@given(st.integers(1, 2**63 - 1))
@example(1)
@example(2**63 - 1)
def test_a_token_names_its_delivery(number: int) -> None:
    token = click_token(number).decode()
    assert clicked_delivery(token) == number
    assert len(f"/{token}") <= 75


@given(st.integers(1, 2**63 - 2), st.data())
def test_a_token_that_was_changed_names_nobody(number: int, data: st.DataObject) -> None:
    token = click_token(number).decode()
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("0123456789abcdef").filter(lambda digit: digit != token[place]))
    assert clicked_delivery(token[:place] + other + token[place + 1 :]) is None
    assert clicked_delivery(f"{number + 1:x}{token[-32:]}") is None
    assert clicked_delivery(token.upper()) in (None, number)


@given(st.text(max_size=60))
@example("")
@example("0" * 40)
@example("f" * 48)
def test_anything_else_names_nobody_and_breaks_nothing(text: str) -> None:
    assert clicked_delivery(text) is None


def test_another_installation_signs_otherwise(settings: pytest.FixtureRequest) -> None:
    token = click_token(7).decode()
    settings.SECRET_KEY = "another secret altogether"
    assert clicked_delivery(token) is None
