"""Managers that answer only for one organisation: the only way in which web, API and CLI read rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from django.db import models

if TYPE_CHECKING:
    from publisher.models.organisation import Organisation

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ScopedQuerySet(models.QuerySet[Row]):
    """A query set that knows the path from its rows to the organisation that owns them."""

    def for_organisation(self, organisation: Organisation) -> ScopedQuerySet[Row]:
        """Only the rows that belong to `organisation`."""
        path: str = self.model.organisation_path  # type: ignore[attr-defined]
        return self.filter(**{path: organisation})


class ScopedModel(models.Model):
    """A row that belongs to an organisation, directly or through `organisation_path`."""

    organisation_path: ClassVar[str] = "organisation"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True
