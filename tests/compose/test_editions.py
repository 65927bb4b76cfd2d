"""Editions: for any blocks, aims and choices, one compiled mail gives valid mails that show what the rule says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.audience.aims import Aim, current_aims
from publisher.compose import newsletter as newsletters
from publisher.compose.compiled import Recipient, compile_message, personalise
from publisher.compose.drafts import aim_block
from publisher.compose.editions import EVERYTHING, Pieces, edition, load, page_as
from publisher.compose.newsletter import html_parts
from publisher.errors import InputError, PermanentError
from publisher.models import Area, Block, Message, Newsletter, Topic
from publisher.vocabulary import BlockKind
from tests.aimed import areas_of, story, topics_of
from tests.compose.reading import check_wire, parts_of, read_html, squeezed

pytestmark = pytest.mark.database

TOKEN = "aB-_" + "x" * 18
ANNA = Recipient(4711, "anna@example.org", "Anna", TOKEN)
# What lines on the wire are sensitive to, at the ends of stories, where they meet.
SENSITIVE = st.sampled_from([".", "..", "From ", "=", "--", "=_", " ", "æøå", "🎭", "x" * 74, "Ord. " * 20])
WORDS = st.lists(SENSITIVE | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), max_size=6)
KINDS = st.sampled_from([BlockKind.LEAD_STORY, BlockKind.STORY, BlockKind.TEXT, BlockKind.HEADING, BlockKind.DIVIDER])


@pytest.fixture
def areas(newsletter: Newsletter) -> list[Area]:
    """Three municipalities."""
    return areas_of(newsletter, ["Køge", "Herlev", "Ishøj"])


@pytest.fixture
def topics(newsletter: Newsletter) -> list[Topic]:
    """Two topics."""
    return topics_of(newsletter, ["Musik", "Teater"])


def at(areas: list[Area]) -> Aim:
    """Aimed at these areas."""
    return Aim(frozenset(area.pk for area in areas))


def some(rows: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(rows), unique=True, max_size=2)


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_edition_is_a_valid_mail_with_just_the_stories_of_the_rule(
    mail: Message, areas: list[Area], topics: list[Topic], data: Any
) -> None:
    mail.blocks.all().delete()
    for n in range(data.draw(st.integers(0, 6))):
        made = story(mail, f"Historie{n}", data.draw(some(areas)), data.draw(some(topics)), data.draw(KINDS))
        made.content["lead"] = "".join(data.draw(WORDS))
        made.content["html"] = f"<p>Krop{n} {''.join(data.draw(WORDS)).replace('<', '').replace('&', '')}</p>"
        made.save()
    compiled, aims = compile_message(mail), current_aims(mail)
    pieces, blocks = load(compiled), list(mail.blocks.prefetch_related("areas", "topics"))
    for chosen in [([], []), *(data.draw(st.tuples(some(areas), some(topics))) for _ in range(4))]:
        ids = [{row.pk for row in rows} for rows in chosen]
        wire = personalise(edition(pieces, aims.choices(*ids)), ANNA)
        check_wire(wire)
        text, html = parts_of(wire)
        page = page_as(mail, *ids)
        for block in blocks:
            number = str(block.content["title"]).removeprefix("Historie")
            wanted = all(
                not aimed or not mine or mine & {row.pk for row in aimed}
                for aimed, mine in zip((block.areas.all(), block.topics.all()), ids, strict=True)
            )
            word = {BlockKind.TEXT: f"Krop{number}", BlockKind.DIVIDER: ""}.get(block.kind, f"Historie{number}")
            if word:
                assert [word in squeezed(text), word in squeezed(read_html(html).text), word in page] == [
                    bool(wanted)
                ] * 3
        assert html.count(TOKEN) == 1 and text.count(TOKEN) == 1
        assert "\n\n\n" not in text.replace("\r\n", "\n")


def test_a_mail_is_rendered_once_however_many_editions_it_has(
    mail: Message, areas: list[Area], topics: list[Topic], monkeypatch: pytest.MonkeyPatch
) -> None:
    for area in areas:
        story(mail, f"Nyt fra {area}", [area])
    for topic in topics:
        story(mail, f"Nyt om {topic}", [], [topic])
    renders: list[str] = []
    render = newsletters.mjml2html
    monkeypatch.setattr(newsletters, "mjml2html", lambda *a, **k: renders.append("") or render(*a, **k))
    pieces = load(compile_message(mail))
    wires = {personalise(edition(pieces, choices), ANNA) for choices in range(2**5)}
    assert (len(wires), len(renders)) == (32, 2), "one for the mail, one for the page in the browser"


def test_a_mail_for_everyone_is_only_cut_where_a_place_is(mail: Message) -> None:
    made = edition(load(compile_message(mail)), 0)
    assert len(made.texts) == 6, "five places"


def test_editions_share_what_they_show_and_do_not_pile_up(mail: Message, areas: list[Area]) -> None:
    for area in areas:
        story(mail, f"Nyt fra {area}", [area])
    pieces = load(compile_message(mail))
    for choices in range(5_000):
        assert edition(pieces, choices).texts is pieces.texts
    assert edition(pieces, 4_999) is edition(pieces, 4_999), "kept"
    assert edition.cache_info().currsize <= 4096


def test_the_page_is_cut_as_it_was_composed(mail: Message, areas: list[Area]) -> None:
    block = story(mail, "Kun i Køge", areas[:1])
    compile_message(mail)
    block.delete()
    herlev, koege = page_as(mail, {areas[1].pk}, set()), page_as(mail, {areas[0].pk}, set())
    assert "Kun i Køge" in koege and "Kun i Køge" not in herlev
    assert page_as(mail, set(), set()) == mail.composed_html == koege
    mail.compiled.delete()
    assert page_as(mail, {areas[1].pk}, set()) == mail.composed_html


def test_a_template_must_show_its_blocks_between_seams(mail: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    render = newsletters.render_to_string

    def without_the_last_seam(name: str, context: dict[str, Any]) -> str:
        filled = render(name, context)
        seam = str(context.get("seam", ""))
        return "".join(filled.rsplit(seam, 1)) if seam else filled

    monkeypatch.setattr(newsletters, "render_to_string", without_the_last_seam)
    with pytest.raises(PermanentError):
        html_parts(mail, places={})


def test_a_comment_of_others_is_no_seam(mail: Message) -> None:
    block = mail.blocks.first()
    assert block is not None
    block.content["title"] = "<!--seam--> " + "<!--0123456789abcdef012345-->"
    block.save()
    whole = personalise(edition(load(compile_message(mail)), EVERYTHING), ANNA)
    assert "<!--0123456789abcdef012345-->" in read_html(parts_of(whole)[1]).text


def test_aiming_is_a_change_like_any_other(mail: Message, areas: list[Area], elsewhere: Any) -> None:
    block = Block.objects.filter(message=mail).first()
    assert block is not None
    before = mail.campaign.revision
    aim_block(block, at(areas[:1]))
    mail.campaign.refresh_from_db()
    assert mail.campaign.revision == before + 1 and list(block.areas.all()) == areas[:1]
    foreign = Area.objects.create(organisation=elsewhere, name="Andetsteds", slug="andetsteds")
    with pytest.raises(InputError):
        aim_block(block, at([foreign]))
    mail.newsletter.areas.set(areas[1:])
    aim_block(block, at(areas[:2]))
    assert set(block.areas.all()) == set(areas[:2]), "what it was aimed at before may stay"


def test_pieces_are_told_apart_by_mail(mail: Message) -> None:
    one, other = (Pieces((text,), ((0, 0), (0, 1))) for text in (b"one", b"other"))
    values = (b"to", b"number", b"token")
    assert edition(one, 0).in_order((b"one", *values)) == (b"one", b"to")
    assert edition(other, 0).texts == (b"other",)
