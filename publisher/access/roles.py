"""Who may do what in an organisation; deny by default."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from publisher.models import Organisation, Role, User
from publisher.vocabulary import RoleKind

# What each role may do; everything else it may not.
ALLOWED: dict[str, frozenset[str]] = {
    RoleKind.READER: frozenset({"view"}),
    RoleKind.EDITOR: frozenset({"view", "edit"}),
    RoleKind.APPROVER: frozenset({"view", "edit", "approve", "send", "stop"}),
    RoleKind.OWNER: frozenset({"view", "edit", "approve", "send", "stop", "manage"}),
}
ACTIONS = ALLOWED[RoleKind.OWNER]


def can(user: User | AnonymousUser, action: str, organisation: Organisation) -> bool:
    """Whether `user` may do `action` (one of ACTIONS) in `organisation`. Raises ValueError for an unknown action."""
    if action not in ACTIONS:
        raise ValueError(f"no action {action!r}; known: {', '.join(sorted(ACTIONS))}")
    if not user.is_authenticated or not user.is_active:
        return False
    kinds = Role.objects.for_organisation(organisation).filter(user=user).values_list("kind", flat=True)
    return any(action in ALLOWED.get(kind, frozenset()) for kind in kinds)


def require(user: User | AnonymousUser, action: str, organisation: Organisation) -> None:
    """Raise PermissionDenied unless `can`."""
    if not can(user, action, organisation):
        raise PermissionDenied
