"""The guides to connecting a channel: one text for the repository and the pages, the same in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client

from publisher.models import Account, Organisation, User
from publisher.platforms import PLATFORMS
from publisher.vocabulary import AccountStatus
from publisher.web import guides
from publisher.web.guides import FOLDER, TROUBLE_ANCHOR, guide_links, guide_to
from tests.web.office import signed_in, source_of, words

ROOT = settings.BASE_DIR
KINDS = [kind for kind in PLATFORMS if kind != "practice"]
LANGUAGES = [code for code, _name in settings.LANGUAGES]
_ROW = re.compile(r"^\| (?!---|What it says|Det står der)(.+?) \| ", re.MULTILINE)


def text_of(kind: str, language: str) -> str:
    return (FOLDER / language / f"{kind}.md").read_text()


def sayings() -> dict[str, set[str]]:
    """Every sentence of ours by language, from the Danish catalogue."""
    with (ROOT / "publisher/locale/da/LC_MESSAGES/django.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    return {"en": {str(message.id) for message in messages}, "da": {str(message.string) for message in messages}}


@pytest.mark.parametrize("kind", KINDS)
def test_both_languages_say_the_same_at_the_same_place(kind: str) -> None:
    shapes = [
        [re.match(r"#+ |\d+\. |- |\s+- |\| |", line).group() for line in text_of(kind, language).splitlines()]  # type: ignore[union-attr]
        for language in LANGUAGES
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_guide_says_who_what_how_long_and_what_it_costs(kind: str, language: str) -> None:
    guide = guide_to(kind, language)
    assert guide is not None and guide.language == language and guide.title
    assert guide.opening.count("<li><strong>") == 5
    assert [section.anchor for section in guide.sections].count(TROUBLE_ANCHOR) == 1
    trouble = next(section for section in guide.sections if section.anchor == TROUBLE_ANCHOR)
    assert 'class="table"' in trouble.body
    cells = re.findall(r"<td[^>]*>(.*?)</td>", trouble.body)
    assert cells and all(re.fullmatch("<span>.*</span>", cell) for cell in cells), "a list would tear them apart"


def test_what_is_quoted_as_our_words_is() -> None:
    """Rows in italics are about what other pages say, and what one sees."""
    ours = sayings()
    quoted = [
        (language, kind, row)
        for language in LANGUAGES
        for kind in KINDS
        for row in _ROW.findall(text_of(kind, language))
        if not row.startswith("*")
    ]
    assert len(quoted) > 70
    for language, kind, row in quoted:
        pieces = [piece.strip() for piece in row.split("…")]
        assert any(all(piece in said for piece in pieces) for said in ours[language]), (language, kind, row)


def test_the_image_and_the_installation_have_them() -> None:
    folder = str(FOLDER.relative_to(ROOT))
    assert f"COPY {folder} {folder}\n" in (ROOT / "Dockerfile").read_text()
    assert f"!{folder}\n" in (ROOT / ".dockerignore").read_text()


@pytest.mark.database
@pytest.mark.parametrize("kind", KINDS)
def test_everybody_here_may_read_them_and_their_links_lead_on(anna: User, kind: str) -> None:
    client = signed_in(anna, "da")
    page = client.get(f"/channels/guide/{kind}")
    assert page.status_code == 200
    assert f"<h1>{guides.guide_to(kind, 'da').title}</h1>" in source_of(page)  # type: ignore[union-attr]
    for path in re.findall(r'href="(/channels/guide/[^"#]+)', source_of(page)):
        assert client.get(path).status_code == 200, path
    assert ".md" not in source_of(page).replace("docs/webhook.md", "")


@pytest.mark.database
def test_there_is_none_to_the_practice_channel_and_none_to_strangers(anna: User) -> None:
    assert guide_links(PLATFORMS["practice"]) is None
    for path in ("/channels/guide/practice", "/channels/guide/nothing", "/channels/guide/README"):
        assert signed_in(anna).get(path).status_code == 404
    assert Client().get("/channels/guide/facebook").status_code == 302


@pytest.mark.database
def test_where_one_is_missing_english_stands_in_and_html_is_words(
    anna: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "facebook.md").write_text(
        "# Title\n\n<script>alert(1)</script>\n\n## More\n\n[x](javascript:a)\n"
    )
    monkeypatch.setattr(guides, "FOLDER", tmp_path)
    monkeypatch.setattr(guides, "guide_to", guide_to.__wrapped__)
    page = source_of(signed_in(anna, "da").get("/channels/guide/facebook"))
    assert '<h1 lang="en">Title</h1>' in page and '<div class="stack stack-wide" lang="en">' in page
    assert "&lt;script&gt;" in page and 'href="javascript' not in page
    assert guide_links(PLATFORMS["x"]) is None


@pytest.mark.database
@pytest.mark.parametrize("kind", KINDS)
def test_the_pages_that_connect_lead_to_it(olga: User, secretariat: Organisation, kind: str) -> None:
    client, platform = signed_in(olga, "en"), PLATFORMS[kind]
    paths = ["/channels/connect"]
    if platform.sign_in is not None:
        paths.append(f"/channels/connect/{kind}/sign-in")
        if not platform.sign_in.registers and not platform.sign_in.app_of:
            paths.append(f"/channels/apps/{kind}")
    if kind not in {"linkedin", "x"}:
        paths.append(f"/channels/connect/{kind}")
    what = platform.words.connects or platform.called
    for path in paths:
        assert f'<a href="/channels/guide/{kind}">Guide: connect {what}</a>' in source_of(client.get(path)), path


@pytest.mark.database
def test_a_channel_that_is_refused_leads_to_what_helps(olga: User, secretariat: Organisation) -> None:
    account = Account.objects.create(organisation=secretariat, kind="facebook", name="Siden", handle="@siden")
    client, path = signed_in(olga, "en"), f"/channels/{account.pk}"
    assert "/channels/guide/facebook" in source_of(client.get(path))
    assert "/channels/guide/facebook#trouble" not in source_of(client.get(path))
    error = {"msgid": "Facebook does not show us the Page with this access.", "params": {}}
    Account.objects.update(status=AccountStatus.NEEDS_RECONNECT, last_error=error)
    page = client.get(path)
    assert '<a href="/channels/guide/facebook#trouble">When something does not work</a>' in source_of(page)
    assert words(page).count("Guide: connect Facebook") == 1
