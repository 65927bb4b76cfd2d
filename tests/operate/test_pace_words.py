"""What `opslag status` and `opslag doctor` say of pace, of destinations that rest, and of warm-ups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from publisher.cli.status import lines
from publisher.errors import Explanation
from publisher.models import Destination
from publisher.operate import doctor
from publisher.operate.findings import Level
from publisher.operate.status import read_status
from publisher.paces import parse_pace
from publisher.schedule.warm_up import day_of

pytestmark = pytest.mark.database


def findings() -> list[tuple[Level, str]]:
    with translation.override("en"):
        return [(level, str(Explanation(msgid, params))) for level, msgid, params in doctor._LOOKS["Pace"]()]


def test_where_nothing_is_limited_that_is_said(db: None) -> None:
    assert findings() == [(Level.OK, "no limit is set (OPSLAG_SMTP_PACE)")]
    with translation.override("en"):
        assert not {"Pace", "Warm-up", "Asked us to slow down"} & set(lines(read_status()))


def test_every_limit_is_named(db: None, settings: Any) -> None:
    now = timezone.now()
    settings.OPSLAG_SMTP_PACE = parse_pace("microsoft365")
    settings.OPSLAG_WARMUP_DOMAINS = {"nyt.dk": day_of(now) - timedelta(days=1)}
    settings.OPSLAG_WARMUP_PLAN = (200, 500, 1000)
    words = Explanation("The mail server asked us to wait: %(code)s %(detail)s", {"code": "421", "detail": "[TSS04]"})
    Destination.objects.create(name="yahoo.com", rest_until=now + timedelta(minutes=4), last_error=words.as_json())
    Destination.objects.create(name="old.dk", rest_until=now - timedelta(hours=1))
    found = findings()
    assert found[0] == (Level.OK, "microsoft365, 1 of them at once")
    assert found[1][0] is Level.WARN and "yahoo.com asked us to slow down" in found[1][1] and "[TSS04]" in found[1][1]
    assert found[2] == (Level.OK, "warm-up of nyt.dk: day 2, 500 of 500 left today")
    with translation.override("en"):
        shown = "\n".join(lines(read_status()))
    assert "Pace\n  microsoft365" in shown and "nyt.dk: day 2, 500 of 500 left today" in shown
    assert "yahoo.com  goes on, a little at first, 20" in shown and "old.dk" not in shown
