"""`opslag collect` as an operator uses it."""

from __future__ import annotations

import argparse

import httpx
import pytest
from django.utils import translation

from publisher.cli import collect
from publisher.errors import InputError, OpslagError
from publisher.items.polling import claim
from publisher.models import Item, Organisation, Source
from publisher.vocabulary import ItemState, SourceStatus
from tests.items.website import FEED, HOST, Story, drawing, website

pytestmark = pytest.mark.database

CHOIR = Story("Åbent kor [på Ærø]", f"{HOST}/kor", "1", picture=f"{HOST}/kor.jpg")
MARKET = Story("Julemarked", f"{HOST}/marked", "2")


def opslag_collect(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    collect.add_arguments(parser)
    with translation.override("en"):
        return collect.run(parser.parse_args(argv))


def counts(shown: str) -> dict[str, int]:
    cells = [line.strip("│ ").split("│") for line in shown.splitlines() if line.startswith("│")]
    return {name.strip(): int(count) for name, count in cells}


def test_a_feed_is_read_and_told_in_a_table(secretariat: Organisation, capsys: pytest.CaptureFixture[str]) -> None:
    with website(CHOIR, MARKET) as site:
        assert opslag_collect(FEED) == 0
        first = capsys.readouterr().out
        assert opslag_collect(FEED) == 0
        second = capsys.readouterr().out
        site.show(MARKET, CHOIR, Story("Dans", f"{HOST}/dans", "3"))
        assert opslag_collect(FEED) == 0
    assert counts(first) == {"New items": 0, "Back catalogue": 2, "Changed items": 0, "Without their picture": 1}
    assert "Åbent kor [på Ærø]: The picture could not be fetched" in " ".join(first.split())
    assert "nothing has changed" in second
    assert counts(capsys.readouterr().out)["New items"] == 1
    assert Source.objects.get().name == "Nyheder"


def test_the_back_catalogue_can_be_taken_as_new(secretariat: Organisation, capsys: pytest.CaptureFixture[str]) -> None:
    with website(CHOIR) as site:
        site.put(f"{HOST}/kor.jpg", drawing())
        assert opslag_collect(FEED, "--back-catalogue", "--organisation", secretariat.slug) == 0
    assert counts(capsys.readouterr().out) == {
        "New items": 1,
        "Back catalogue": 0,
        "Changed items": 0,
        "Without their picture": 0,
    }
    assert Item.objects.get().state == ItemState.NEW


def test_a_feed_that_cannot_be_read_is_an_error_in_words(
    secretariat: Organisation, capsys: pytest.CaptureFixture[str]
) -> None:
    with website() as site, pytest.raises(OpslagError, match="404"):
        site.pages[FEED] = httpx.Response(404)
        opslag_collect(FEED)
    assert not Source.objects.exists(), "what cannot be read is not kept"


def test_a_known_feed_that_cannot_be_read_now_stays(source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    with website() as site:
        site.pages[FEED] = httpx.Response(404)
        assert opslag_collect(FEED) == 1
    shown = capsys.readouterr()
    assert "404" in shown.err
    assert "Traceback" not in shown.out + shown.err
    assert Source.objects.get() == source


def test_a_stopped_source_is_tried_again(source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    Source.objects.filter(pk=source.pk).update(status=SourceStatus.BROKEN, strikes=3)
    with website(MARKET):
        assert opslag_collect(FEED) == 0
    source.refresh_from_db()
    assert source.status == SourceStatus.ACTIVE


def test_a_feed_that_is_being_read_is_left_alone(source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    assert claim(source.pk)
    with website(MARKET):
        assert opslag_collect(FEED) == 1
    assert "Another worker" in capsys.readouterr().err


def test_a_wrong_argument_is_refused_in_words(secretariat: Organisation, elsewhere: Organisation) -> None:
    with pytest.raises(InputError, match="kulturfaellesskabet, museet") as asked:
        opslag_collect(FEED)
    assert "nix" not in str(asked.value)
    with pytest.raises(InputError, match=r"“nix”.*kulturfaellesskabet, museet"):
        opslag_collect(FEED, "--organisation", "nix")
    with pytest.raises(InputError, match="https://"):
        opslag_collect("kultur.example.org", "--organisation", "museet")
    assert not Source.objects.exists()
