"""News in a colleague's words: written, corrected, and what its source may do with it afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import InputError
from publisher.items.collect import collect_source
from publisher.items.content import clean_html
from publisher.items.entries import entries_of
from publisher.items.labels import Labels
from publisher.items.recording import Fetched, record
from publisher.items.writing import Words, body_of, correct, leave_suggestion, take_suggestion, write
from publisher.models import Area, Item, ItemRevision, Organisation, Sighting, Source, Topic, User
from publisher.sources.contract import Candidate, Event
from publisher.vocabulary import ItemState
from tests.events import evening
from tests.items.website import HOST, Story, website

database = pytest.mark.database


@pytest.mark.parametrize(
    ("typed", "body"),
    [
        ("Kom og hør.\n\nDer er kaffe.", "<p>Kom og hør.</p><p>Der er kaffe.</p>"),
        ("Første linje\nanden linje", "<p>Første linje<br>anden linje</p>"),
        ("Tag med:\n\n- madpakke\n- 2 > 1 & <b>mod</b>", None),
        ("  \r\n\r\n ", ""),
        ("<3 kultur", "<p>&lt;3 kultur</p>"),
        ("<p>Fra <script>x()</script>redaktøren</p>", "<p>Fra redaktøren</p>"),
        ('<h2 onclick="x()">Program</h2><ol type="a" data-type="x"><li><p>Et</p></li></ol>', None),
    ],
)
def test_what_is_typed_becomes_safe_html(typed: str, body: str | None) -> None:
    expected = {
        "Tag": "<p>Tag med:</p><ul><li>madpakke</li><li>2 &gt; 1 &amp; &lt;b&gt;mod&lt;/b&gt;</li></ul>",
        "<h2": "<h2>Program</h2><ol><li><p>Et</p></li></ol>",
    }
    assert body_of(typed) == (body if body is not None else expected[typed[:3]])


@database
@pytest.mark.parametrize(
    ("body", "lead"),
    [
        ("<h2>Overskrift fra Word</h2><p>Kom og hør koret.</p>", "Kom og hør koret."),
        ("<h2>Kun en overskrift</h2>", "Kun en overskrift"),
    ],
)
def test_a_lead_is_taken_from_the_text_below_a_heading(
    secretariat: Organisation, anna: User, body: str, lead: str
) -> None:
    assert write(secretariat, Words(title="Koncert", body=body), anna).lead == lead


@given(st.text(max_size=300))
def test_whatever_is_typed_is_kept_and_safe(typed: str) -> None:
    body = body_of(typed)
    assert body == clean_html(body)
    assert "<script" not in body.lower()


@database
def test_an_item_written_by_hand(secretariat: Organisation, anna: User) -> None:
    topic = Topic.objects.create(organisation=secretariat, name="Musik", slug="musik")
    area = Area.objects.create(organisation=secretariat, name="Køge", slug="koege")
    words = Words(
        " Åben\n øvelse ", body="Kom og hør.\n\nGratis.", author="Anna", link=f"{HOST}/1", topics=[topic], areas=[area]
    )
    item = write(secretariat, words, anna)
    assert (item.title, item.lead, item.body_text) == ("Åben øvelse", "Kom og hør.", "Kom og hør.\n\nGratis.")
    assert (item.state, item.written_by, item.link_key) == (ItemState.NEW, anna, "kultur.example.org/1")
    assert item.published_at and not item.sightings.exists()
    assert (item.topics.get(), item.areas.get()) == (topic, area)
    revision = ItemRevision.objects.get()
    assert (revision.number, revision.by, revision.content["title"]) == (1, anna, "Åben øvelse")


@database
def test_a_correction_is_a_revision_with_a_name(item: Item, anna: User) -> None:
    changed = correct(item, Words("Ny overskrift", body=item.body_html, link=item.link), anna, revision=1)
    assert (changed.revision, changed.title, changed.worded_at is not None) == (2, "Ny overskrift", True)
    kept = [(each.number, each.by, each.content["title"]) for each in ItemRevision.objects.order_by("number")]
    assert kept == [(1, None, item.title), (2, anna, "Ny overskrift")]


@database
def test_who_wrote_first_is_not_overwritten(item: Item, anna: User, bo: User) -> None:
    correct(item, Words("Bos", link=item.link), bo, revision=1)
    with pytest.raises(InputError) as refused:
        correct(item, Words("Annas", link=item.link), anna, revision=1)
    assert refused.value.reason == "changed_meanwhile"
    assert Item.objects.get().title == "Bos"


@database
def test_a_link_belongs_to_one_item(item: Item, anna: User) -> None:
    with pytest.raises(InputError, match="Åben øvelse på Ærø"):
        write(item.organisation, Words("Igen", link=item.link + "?utm_source=x"), anna)
    assert Item.objects.count() == 1
    for title in ("Uden link", "Også uden"):
        write(item.organisation, Words(title), anna)


@database
def test_a_source_only_suggests_what_a_person_has_worded(source: Source, anna: User) -> None:
    story = Story("Koncert", f"{HOST}/1", "1", lead="I parken.", body="<p>Kl. 20.</p>")
    with website(story) as site:
        collect_source(source.pk)
        item = correct(Item.objects.get(), Words("Koncert i aften", body="Kl. 19.", link=f"{HOST}/1"), anna, revision=1)
        for body in ("<p>Kl. 21.</p>", "<p>Kl. 22.</p>"):
            site.show(Story("Koncert", f"{HOST}/1", "1", lead="I parken.", body=body))
            for _twice in (1, 2):
                assert collect_source(source.pk).changed == 0
        item.refresh_from_db()
        assert (item.title, item.body_text, item.revision) == ("Koncert i aften", "Kl. 19.", 2)
        assert (item.suggestion["title"], item.suggestion["body_text"]) == ("Koncert", "Kl. 22.")
        assert leave_suggestion(item) and not leave_suggestion(item)
        assert collect_source(source.pk).changed == 0
        assert Item.objects.get().suggestion == {}, "the same words are not suggested twice"


@database
def test_a_concert_that_is_called_off_is_so_whatever_a_colleague_wrote_of_it(source: Source, anna: User) -> None:
    with website(Story("Koncert", f"{HOST}/1", "1")):
        collect_source(source.pk)
    item = correct(Item.objects.get(), Words("Koncert i aften", link=f"{HOST}/1"), anna, revision=1)
    announced = Candidate("1", "Koncert", f"{HOST}/1", event=Event(evening(5)))
    for candidate in (announced, replace(announced, event=Event(evening(5), status="cancelled"))):
        (entry,) = entries_of([candidate])
        record(source, entry, Fetched(), state=ItemState.NEW, labels=Labels.of(source.organisation_id))
    item.refresh_from_db()
    assert (item.title, item.event_status, item.event_changed_at is not None) == ("Koncert i aften", "cancelled", True)


@database
def test_a_suggestion_is_taken_and_the_source_speaks_again(source: Source, anna: User) -> None:
    with website(Story("Koncert", f"{HOST}/1", "1")) as site:
        collect_source(source.pk)
        item = correct(Item.objects.get(), Words("Vores ord", link=f"{HOST}/1"), anna, revision=1)
        site.show(Story("Koncert flyttet", f"{HOST}/1", "1"))
        collect_source(source.pk)
        assert take_suggestion(item, anna) and not take_suggestion(item, anna)
        item.refresh_from_db()
        assert (item.title, item.worded_at, item.revision) == ("Koncert flyttet", None, 3)
        site.show(Story("Koncert aflyst", f"{HOST}/1", "1"))
        assert collect_source(source.pk).changed == 1
    assert Item.objects.get().title == "Koncert aflyst"


@database
def test_news_that_was_written_here_first_keeps_its_words_when_a_source_brings_it(source: Source, anna: User) -> None:
    item = write(source.organisation, Words("Vores egen", link=f"{HOST}/1"), anna)
    with website(Story("Hjemmesidens", f"{HOST}/1", "1")):
        collect_source(source.pk)
    item.refresh_from_db()
    assert Sighting.objects.get().item == item
    assert (item.title, item.suggestion["title"]) == ("Vores egen", "Hjemmesidens")
