"""Who: organisations, cooperations, users and their roles, the stop, the audit trail."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from publisher.models.scoped import ScopedModel
from publisher.vocabulary import RoleKind, UncertainPolicy


class Organisation(models.Model):
    """A tenant: a municipality, a museum, the joint secretariat. Owns everything else."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(unique=True)
    postal_line = models.CharField(
        _("postal address"), max_length=200, blank=True, help_text=_("Stands at the foot of every newsletter.")
    )
    email = models.EmailField(_("office address"), blank=True)
    website = models.URLField(_("website"), blank=True)
    language = models.CharField(_("language"), max_length=8, default="da")
    timezone = models.CharField(_("time zone"), max_length=40, default="Europe/Copenhagen")
    brand_colour = models.CharField(_("colour"), max_length=7, default="#0B5FA5")
    uncertain_policy = models.CharField(
        _("mails that may or may not have left"),
        max_length=10,
        choices=UncertainPolicy.choices,
        default=UncertainPolicy.LEAVE,
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Cooperation(models.Model):
    """Organisations that work together. `area_label_*` is what residents call an area, e.g. “Kommune”."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(unique=True)
    area_label_da = models.CharField(max_length=40, default="Kommune")
    area_label_en = models.CharField(max_length=40, default="Municipality")
    members = models.ManyToManyField(Organisation, through="Membership", related_name="cooperations")

    def __str__(self) -> str:
        return self.name


class Membership(ScopedModel):
    """One organisation's part in a cooperation."""

    cooperation = models.ForeignKey(Cooperation, models.CASCADE)
    organisation = models.ForeignKey(Organisation, models.CASCADE)
    since = models.DateField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cooperation", "organisation"], name="membership_once"),
        ]


class UserManager(BaseUserManager["User"]):
    """Creates users whose name is their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A member of staff; signs in with the e-mail address."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, default="da")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email


class Role(ScopedModel):
    """What a user may do in one organisation."""

    user = models.ForeignKey(User, models.CASCADE, related_name="roles")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="roles")
    kind = models.CharField(max_length=12, choices=RoleKind.choices, default=RoleKind.EDITOR)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "organisation"], name="role_once")]


class StopStampQuerySet(models.QuerySet["StopStamp"]):
    """Stop stamps; an organisation is stopped by its own and by the installation's."""

    def for_organisation(self, organisation: Organisation) -> StopStampQuerySet:
        """The stamps that stop `organisation`, the installation's first."""
        stamps = self.filter(Q(organisation=organisation) | Q(organisation__isnull=True))
        return stamps.order_by(models.F("organisation").asc(nulls_first=True))


class StopStamp(models.Model):
    """“Stop everything” is on: for one organisation, or for the whole installation (no organisation)."""

    organisation = models.OneToOneField(Organisation, models.CASCADE, null=True, related_name="stop_stamp")
    stopped_at = models.DateTimeField(auto_now_add=True)
    stopped_by = models.ForeignKey(User, models.SET_NULL, null=True)
    note = models.CharField(max_length=200, blank=True)
    objects = StopStampQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                models.Value(1), name="one_installation_stop", condition=Q(organisation__isnull=True)
            ),
        ]


class AuditEntry(ScopedModel):
    """Who did what, when: the timeline of a send-out and the account for auditors. Never updated."""

    organisation = models.ForeignKey(Organisation, models.CASCADE)
    user = models.ForeignKey(User, models.SET_NULL, null=True)
    action = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    explanation = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["subject_kind", "subject_id", "at"], name="audit_subject")]
        ordering: ClassVar = ["at", "id"]
