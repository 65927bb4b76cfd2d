"""The newsletter as HTML (real MJML) and as text: the same content, legible, without a third party."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from publisher.compose.drafts import add_block, arrange_blocks, create_campaign
from publisher.compose.newsletter import render_html, render_text, stories
from publisher.errors import InputError, PermanentError
from publisher.models import Block, Item, Message, Newsletter, Organisation
from publisher.vocabulary import BlockKind
from tests.compose.conftest import ALT, AREAS, CAPTION
from tests.compose.reading import Mail, read_html, squeezed

pytestmark = pytest.mark.database

PLACES = {"unsubscribe_url": "https://opslag.test/u/a-token", "view_url": "https://opslag.test/m/a-mail"}
HOSTILE = "A \"quote\" '{{ x }}' {% y %} 20\u00a0kr. blød\u00adhed \\ <script>alert(1)</script> 👩\u200d👧 %(z)s"


def html_of(message: Message) -> Mail:
    return read_html(render_html(message, places=PLACES))


def said(message: Message, msgid: str, **params: str) -> str:
    with translation.override(message.language):
        return translation.gettext(msgid) % params


def change(block: Block, **content: object) -> None:
    block.content.update(content)
    block.save(update_fields=["content"])


def test_it_has_language_title_and_a_ladder_of_headings(mail: Message) -> None:
    shown = html_of(mail)
    assert (shown.language, shown.title) == ("da", "Ny kulturaftale er underskrevet")
    assert shown.headings == [
        ("h1", "Kulturnyt"),
        ("h2", "Ny kulturaftale er underskrevet"),
        ("h3", "Musik og ungekultur"),
        ("h2", "Åben øvelse på Ærø: kom & hør"),
    ]


def test_the_lead_story_is_whole_and_the_others_are_short(mail: Message) -> None:
    text = squeezed(html_of(mail).text)
    assert "Vi kan løfte mere sammen." in text and "Øvelokaler til unge" in text
    assert "Orkestret åbner dørene. Alle er velkomne." in text
    assert "Læs mere." not in text


def test_it_says_who_wrote_when_and_for_which_municipalities(mail: Message) -> None:
    text = squeezed(html_of(mail).text)
    assert "Åse Sørensen · 13. januar 2021" in text
    assert f"Kommuner: {', '.join(AREAS)}" in text


@pytest.mark.parametrize("published", ["", "i går", "2021-01-13T14:16:00"])
def test_without_a_date_the_author_stands_alone(mail: Message, published: str) -> None:
    change(mail.blocks.get(kind=BlockKind.LEAD_STORY), published_at=published)
    assert "Åse Sørensen Kommuner" in squeezed(html_of(mail).text)


def test_in_english_dates_and_the_word_for_an_area_are_english(mail: Message) -> None:
    mail.language = "en"
    shown = html_of(mail)
    assert shown.language == "en"
    assert "13 January 2021" in shown.text and "Municipalities: Albertslund" in squeezed(shown.text)
    assert 'lang="da"' in render_html(mail, places=PLACES)


def test_without_a_cooperation_areas_are_named_plainly(mail: Message, newsletter: Newsletter) -> None:
    newsletter.cooperation = None
    newsletter.save()
    mail.refresh_from_db()
    assert f"{said(mail, 'Applies to')}: Albertslund" in squeezed(html_of(mail).text)


def test_the_picture_is_ours_and_has_its_words(mail: Message) -> None:
    shown = html_of(mail)
    picture = mail.blocks.get(kind=BlockKind.LEAD_STORY).picture
    assert picture is not None
    assert [drawn["src"] for drawn in shown.pictures] == [f"https://opslag.test/media/{picture.sha256}/1200.jpg"]
    assert (shown.pictures[0]["alt"], shown.pictures[0]["width"]) == (ALT, "552")
    assert f"{CAPTION} {said(mail, 'Photo: %(name)s', name='Åse Sørensen')}" in squeezed(shown.text)


def test_links_lead_where_the_stories_do_and_say_so(mail: Message) -> None:
    links = dict(html_of(mail).links)
    title = "Åben øvelse på Ærø: kom & hør"
    assert links["https://kultur.example.org/nyheder/oevelse"] == said(mail, "Read more about “%(title)s”", title=title)
    assert links["https://kultur.example.org/musik?a=1&b=2"] == "Læs mere om musikken her"
    assert PLACES["unsubscribe_url"] in links and PLACES["view_url"] in links


def test_the_foot_names_the_sender(mail: Message) -> None:
    shown = html_of(mail)
    for line in ("Kulturfællesskabet", "Rådhusvej 1, 2620 Albertslund", "kontor@kultur.example.org"):
        assert line in shown.text
    assert ("mailto:kontor@kultur.example.org", "kontor@kultur.example.org") in shown.links


def test_the_text_part_says_the_same(mail: Message) -> None:
    text = render_text(mail, places=PLACES)
    flat = squeezed(text)
    for heading in html_of(mail).headings:
        assert heading[1] in flat
    for words in (
        "Åse Sørensen · 13. januar 2021",
        f"Kommuner: {', '.join(AREAS)}",
        ALT,
        CAPTION,
        "Det er med glæde, at vi præsenterer den nye aftale. Ni kommuner har skrevet under.",
        "- Kor for alle - Øvelokaler til unge",
        "Vi kan løfte mere sammen.",
        "Orkestret åbner dørene. Alle er velkomne.",
        "Rådhusvej 1, 2620 Albertslund",
        *(href for href, _words in html_of(mail).links if not href.startswith("mailto:")),
    ):
        assert words in flat
    assert max(map(len, text.split("\n"))) <= 78
    assert "\n\n\n" not in text and "&" in text and "&amp;" not in text


def test_as_a_page_it_has_no_link_of_a_person_and_one_main_landmark(mail: Message) -> None:
    page, text = render_html(mail, places={}), render_text(mail, places={})
    assert "/u/" not in page + text and "/m/" not in page + text
    assert page.count('role="main"') == 1 and 'role="article"' not in page


def test_preview_text_is_hidden_before_everything_else(mail: Message) -> None:
    mail.preview_text = "Ni kommuner går sammen"
    text = html_of(mail).text
    assert text.index("Ni kommuner går sammen") < text.index("Kulturfællesskabet")
    assert text.count("\u034f") == 30


@pytest.mark.parametrize("name", ["title", "lead", "author"])
def test_hostile_words_arrive_as_words(mail: Message, name: str) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    change(block, **{name: HOSTILE})
    shown = html_of(mail)
    assert HOSTILE in shown.text
    assert "script" not in shown.tags
    assert squeezed(HOSTILE) in squeezed(render_text(mail, places=PLACES))


def test_hostile_words_about_a_picture_arrive_intact(mail: Message) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    change(block, alt=HOSTILE + "\u2028næste linje", caption=HOSTILE, credit="")
    shown = html_of(mail)
    assert shown.pictures[0]["alt"] == HOSTILE + " næste linje"
    assert HOSTILE in shown.text and "script" not in shown.tags


def test_a_hostile_subject_is_the_title_and_the_label_and_no_more(mail: Message) -> None:
    mail.subject = HOSTILE
    shown = html_of(mail)
    assert shown.title == HOSTILE
    assert "script" not in shown.tags


def test_a_hostile_body_loses_what_runs_or_loads(mail: Message) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    change(
        block,
        html="<p onclick='x()'>Før<img src='https://elsewhere.example/pixel.gif'><script>alert(1)</script>"
        "<iframe src='https://elsewhere.example'></iframe><a href='javascript:alert(1)'>tryk</a> efter</p>",
    )
    html = render_html(mail, places=PLACES)
    shown = read_html(html)
    assert "elsewhere" not in html and "javascript" not in html and "onclick" not in html
    assert "Før" in shown.text and "tryk efter" in squeezed(shown.text)


def test_no_address_of_a_third_party_is_asked_for(mail: Message) -> None:
    html = render_html(mail, places=PLACES)
    hrefs = {href for href, _words in read_html(html).links}
    for address in re.findall(r"https?://[^\s\"'<>)]+", html):
        ours = address.startswith("https://opslag.test/")
        assert ours or address in hrefs | {"http://www.w3.org/1999/xhtml"} or address.replace("&amp;", "&") in hrefs, (
            address
        )
    assert "fonts.googleapis" not in html and "mailjet" not in html


def test_a_broken_or_dangerous_link_is_not_shown(mail: Message) -> None:
    block = mail.blocks.get(kind=BlockKind.STORY)
    change(block, link="javascript:alert(1)")
    assert "javascript" not in render_html(mail, places=PLACES) + render_text(mail, places=PLACES)


def test_ten_thousand_nested_tags_are_refused_by_the_story_s_title(mail: Message) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    change(block, html="<blockquote>" * 10_000 + "x" + "</blockquote>" * 10_000)
    with pytest.raises(InputError, match="Ny kulturaftale er underskrevet"):
        render_html(mail, places=PLACES)


def test_more_than_500_kb_never_reaches_the_renderer(mail: Message) -> None:
    for _ in range(6):
        add_block(mail, BlockKind.TEXT, html="<p>Ord</p>" * 9_000)
    with pytest.raises(InputError, match="500 kB"):
        render_html(mail, places=PLACES)


def test_a_lead_that_the_body_repeats_is_said_once(mail: Message, newsletter: Newsletter) -> None:
    block = mail.blocks.get(kind=BlockKind.LEAD_STORY)
    change(block, lead="Det samme står her.", html="<p>Det samme står her. Og lidt til.</p>")
    assert stories(mail, newsletter)[0].lead == ""
    assert html_of(mail).text.count("Det samme står her.") == 1
    change(block, lead="Noget andet.")
    assert stories(mail, newsletter)[0].lead == "Noget andet."


def test_a_small_picture_is_not_blown_up(mail: Message) -> None:
    picture = mail.blocks.get(kind=BlockKind.LEAD_STORY).picture
    assert picture is not None
    picture.width = 300
    picture.save()
    shown = html_of(mail).pictures[0]
    assert shown["width"] == "300" and shown["src"].endswith("/320.jpg")


def test_all_kinds_of_blocks_are_shown(mail: Message) -> None:
    first = add_block(mail, BlockKind.TEXT, position=0, html="<p>Kære læsere</p>")
    heading = add_block(mail, BlockKind.HEADING, title="Mere fra kommunerne")
    add_block(mail, BlockKind.DIVIDER)
    shown = html_of(mail)
    assert shown.text.index("Kære læsere") < shown.text.index("Ny kulturaftale er underskrevet")
    assert shown.headings[-1] == ("h2", "Mere fra kommunerne")
    text = render_text(mail, places=PLACES)
    assert "Kære læsere" in text and "Mere fra kommunerne" in text and "* * *" in text
    arrange_blocks(mail, [heading.pk, first.pk])
    assert html_of(mail).headings == [("h1", "Kulturnyt"), ("h2", "Mere fra kommunerne")]


@pytest.mark.parametrize(("brand", "text"), [("#0B5FA5", "#FFFFFF"), ("#F2C230", "#000000"), ("no colour", "#FFFFFF")])
def test_the_brand_s_colour_carries_legible_text(mail: Message, newsletter: Newsletter, brand: str, text: str) -> None:
    newsletter.brand_colour = brand[:7]
    newsletter.save()
    mail.refresh_from_db()
    html = render_html(mail, places=PLACES)
    shown = brand if brand.startswith("#") else "#0B5FA5"
    assert f"background-color:{shown}" in html.replace(": ", ":") and f"color:{text}" in html.replace(": ", ":")


def test_a_template_that_is_not_there_is_said_in_words(mail: Message, newsletter: Newsletter) -> None:
    newsletter.template = "../web/base"
    newsletter.save()
    mail.refresh_from_db()
    with pytest.raises(PermanentError, match=r"template|skabelon"):
        render_html(mail, places=PLACES)


def test_forty_stories_are_a_mail_of_a_size_that_we_know(
    secretariat: Organisation, newsletter: Newsletter, item: Item
) -> None:
    items = [
        Item.objects.create(organisation=secretariat, title=f"Nyhed {n}", lead="Ord " * 60, link=f"https://x.dk/{n}")
        for n in range(40)
    ]
    message = create_campaign(secretariat, [item, *items], newsletter=newsletter).messages.get()
    assert 60_000 < len(render_html(message, places=PLACES).encode()) < 150_000
