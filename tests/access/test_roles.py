"""Who may do what, by name."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from publisher.access.roles import ACTIONS, can, require
from publisher.models import Organisation, Role, User
from publisher.vocabulary import RoleKind

pytestmark = pytest.mark.database


def may(user: User | AnonymousUser, organisation: Organisation) -> set[str]:
    return {action for action in ACTIONS if can(user, action, organisation)}


def test_anna_writes_and_bo_approves(secretariat: Organisation, anna: User, bo: User, olga: User) -> None:
    assert may(anna, secretariat) == {"view", "edit"}
    assert may(bo, secretariat) == {"view", "edit", "approve", "send", "stop"}
    assert may(olga, secretariat) == ACTIONS == {"view", "edit", "approve", "send", "stop", "manage"}


def test_a_reader_reads(secretariat: Organisation, sven: User) -> None:
    Role.objects.create(user=sven, organisation=secretariat, kind=RoleKind.READER)
    assert may(sven, secretariat) == {"view"}


def test_sven_must_never_see_us(secretariat: Organisation, elsewhere: Organisation, sven: User) -> None:
    assert may(sven, secretariat) == set()
    assert may(sven, elsewhere) == ACTIONS


def test_nobody_else_may_do_anything(secretariat: Organisation, olga: User) -> None:
    assert may(AnonymousUser(), secretariat) == set()
    assert may(User.objects.create_superuser("drift@example.org"), secretariat) == set()
    olga.is_active = False
    assert may(olga, secretariat) == set()


def test_require_raises(secretariat: Organisation, anna: User) -> None:
    require(anna, "edit", secretariat)
    with pytest.raises(PermissionDenied):
        require(anna, "approve", secretariat)


def test_a_misspelt_action_is_a_fault_and_not_a_no(secretariat: Organisation, olga: User) -> None:
    with pytest.raises(ValueError, match="aprove"):
        can(olga, "aprove", secretariat)
