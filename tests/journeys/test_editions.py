"""A story for one municipality, in a real browser: aimed, seen as others see it, sent, and read where it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from publisher.audience.subscribe import subscribe
from publisher.compose.drafts import create_campaign
from publisher.deliver import finish
from publisher.models import Area, Newsletter
from publisher.schedule import dispatch
from tests.accessible import look_over
from tests.compose.reading import parts_of, read_html, read_wire
from tests.deliver.lanes import lane_on_a_thread
from tests.journeys.staff import Desk, desk  # noqa: F401 -- a fixture
from tests.review.send_outs import mail_of
from tests.smtp_sink import RunningSink, running_sink
from tests.web.desk import more_items

pytestmark = pytest.mark.browser
TITLE = "Nyhed nummer 0"


@pytest.fixture
def sink(tmp_path: Path, settings: Any) -> Iterator[RunningSink]:
    """The mail server; what is sent leaves at once."""
    settings.OPSLAG_UNDO_SECONDS = 0
    with running_sink(tmp_path / "sink") as running:
        settings.OPSLAG_SMTP_URL = running.url
        yield running


def test_a_story_for_koege_reaches_koege_and_not_herlev(
    desk: Desk,  # noqa: F811
    newsletter: Newsletter,
    sink: RunningSink,
    page: Page,
) -> None:
    for name, address in (("Køge", "kaj@example.org"), ("Herlev", "hans@example.org")):
        area = Area.objects.get(name=name)
        subscribe(newsletter, address, source="form", areas=[area], confirmed_at=timezone.now())
    organisation = desk.item.organisation
    campaign = create_campaign(organisation, [desk.item, *more_items(organisation, 1)], newsletter=newsletter)
    desk.open(page, f"/sendouts/{campaign.pk}/edit", desk.bo)

    page.locator("summary", has_text=TITLE).click()
    page.locator("summary", has_text="Shown to everyone").last.click()
    page.get_by_role("checkbox", name="Køge").last.check()
    expect(page.locator("summary", has_text=TITLE)).to_contain_text("Shown to: Køge")
    frame = page.frame_locator(".mail iframe")
    expect(frame.get_by_role("heading", name=TITLE)).to_be_visible()
    page.get_by_role("combobox", name="Municipality").select_option("Herlev")
    expect(page.get_by_text(f"Not shown: “{TITLE}”")).to_be_visible()
    expect(frame.get_by_role("heading", name=desk.item.title)).to_be_visible()
    expect(frame.get_by_role("heading", name=TITLE)).to_have_count(0)
    page.get_by_label("Subject").fill("To udgaver")
    expect(page.locator(".mail-head").first).to_contain_text("To udgaver")
    expect(page.get_by_role("combobox", name="Municipality")).to_have_value(str(Area.objects.get(name="Herlev").pk))
    page.get_by_role("combobox", name="Municipality").select_option("Køge")
    expect(frame.get_by_role("heading", name=TITLE)).to_be_visible()
    look_over(page, frames=False)

    expect(page.locator("#promise")).to_contain_text("3 recipients")
    page.get_by_role("button", name="Send now").click()
    page.wait_for_url(f"**/sendouts/{campaign.pk}")
    message = mail_of(campaign)
    assert dispatch.prepare(message.pk, timezone.now()) and dispatch.start(message.pk, timezone.now())
    lane_on_a_thread().join()
    assert finish.finish(message.pk, timezone.now() + timedelta(seconds=1))
    got = {str(read_wire(wire)["To"]): parts_of(wire) for wire in sink.messages()}
    assert set(got) == {"kaj@example.org", "hans@example.org", "anne@example.org"}
    for address, (text, html) in got.items():
        assert [TITLE in text, TITLE in read_html(html).text] == [address != "hans@example.org"] * 2
        assert desk.item.title in text
    expect(page.locator("#live")).to_contain_text("Sent 3", timeout=20_000)
    assert page.complaints == []  # type: ignore[attr-defined]
