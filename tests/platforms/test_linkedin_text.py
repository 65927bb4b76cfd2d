"""Little text: what is escaped, what is kept, and that LinkedIn shows all of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.platforms.linkedin import LinkedInPlatform
from publisher.platforms.linkedin_text import as_read, little_text, without_mentions
from tests.contract.linkedin_text import as_told, shown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Kom (og hør) kl. 19–21", "Kom \\(og hør\\) kl. 19–21"),
        ("|{}@[]()<>#\\*_~", "\\|\\{\\}\\@\\[\\]\\(\\)\\<\\>\\#\\\\\\*\\_\\~"),
        ("#beseda og #Børn2026", "#beseda og #Børn2026"),
        ("#børn_og_unge", "{hashtag|\\#|børn\\_og\\_unge}"),
        ("#1 og # 2, C#5, &#39;, a/#b", "\\#1 og \\# 2, C\\#5, &\\#39;, a/\\#b"),
        ("Hos @[Museet](urn:li:organization:2)!", "Hos @[Museet](urn:li:organization:2)!"),
        ("Hos @[Hus (nyt)](urn:li:organization:2)", "Hos @[Hus \\(nyt\\)](urn:li:organization:2)"),
        ("Hos @[Museet](https://a.dk)", "Hos \\@\\[Museet\\]\\(https://a.dk\\)"),
        ("kultur@example.org", "kultur\\@example.org"),
    ],
)
def test_vectors(text: str, written: str) -> None:
    assert little_text(text) == written
    shown(written)


def test_comments_have_the_bare_name() -> None:
    assert without_mentions("Hos @[Museet](urn:li:organization:2) #kultur_1") == "Hos Museet #kultur_1"


@settings(max_examples=400, deadline=None)
@given(st.text(st.one_of(st.sampled_from("|{}@[]()<>#\\*_~ aø1\n"), st.characters(exclude_categories=["Cs"]))))
def test_all_of_any_text_is_shown(text: str) -> None:
    # Mentions are shown by their name; this alphabet has no urn.
    assert shown(little_text(text)) == text
    assert as_read(little_text(text)) == text
    assert as_read(as_told(little_text(text))) == text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_our_count_is_never_less_than_the_servers(text: str) -> None:
    counted = LinkedInPlatform().length(text, {})
    assert counted >= len(little_text(text)) >= len(text)
