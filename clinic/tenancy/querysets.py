"""The one way to rows that belong to people."""

from typing import Any, ClassVar, Self, TypeVar

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import models
from django.db.models import F, Q

from clinic.tenancy.actor import Actor, AnyActor, Role, TaskActor
from clinic.vault.fields import SealedField

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class UndeclaredPurpose(Exception):
    """A task asked for rows of a model that its purpose is not declared for."""


class TenantQuerySet(models.QuerySet[M_co]):
    """Rows of a clinic, reached only through `visible_to`.

    A model's queryset says, role by role, which rows that role sees: a condition, or
    None for nothing. What is not said is nothing.
    """

    task_purposes: ClassVar[frozenset[str]] = frozenset()
    """The purposes for which the worker may reach these rows."""

    def visible_to(self, actor: AnyActor) -> Self:
        """Return the rows that the actor may know to exist, and no others.

        Raises:
            UndeclaredPurpose: a task whose purpose is not among `task_purposes`.
        """
        if isinstance(actor, TaskActor):
            if actor.purpose not in self.task_purposes:
                raise UndeclaredPurpose(f"{self.model.__name__} for {actor.purpose}")
            return self.filter(clinic_id=actor.clinic_id)
        allowed: Q | None = None
        for role, condition in (
            (Role.THERAPIST, self.for_therapist),
            (Role.CLIENT, self.for_client),
            (Role.ADMIN, self.for_admin),
        ):
            if actor.has(role) and (rows := condition(actor)) is not None:
                allowed = rows if allowed is None else allowed | rows
        if allowed is None:
            return self.none()
        return self.filter(allowed, clinic_id=actor.clinic_id)

    def order_by(self, *field_names: Any) -> Self:
        """As Django's; a sealed field has no order in SQL (FieldError)."""
        for path in (part for one in field_names for part in _paths_in(one)):
            if _is_sealed(self.model, path):
                raise FieldError(f"{path} is sealed: sort what was opened")
        return super().order_by(*field_names)

    def for_therapist(self, actor: Actor) -> Q | None:
        return None

    def for_client(self, actor: Actor) -> Q | None:
        return None

    def for_admin(self, actor: Actor) -> Q | None:
        return None


EVERY_ROW = Q(pk__isnull=False)
"""Every row of the actor's clinic: row-level security draws the line."""


def _paths_in(order: Any) -> list[str]:
    """The fields that an order refers to, as Django writes them: `client__full_name`."""
    if isinstance(order, str):
        return [order.lstrip("-")]
    if isinstance(order, F):
        return [str(order.__dict__["name"])]
    parts = order.get_source_expressions() if hasattr(order, "get_source_expressions") else []
    return [path for part in parts for path in _paths_in(part)]


def _is_sealed(model: type[models.Model], path: str) -> bool:
    for part in path.split("__"):
        try:
            field = model._meta.get_field(part)
        except FieldDoesNotExist:
            return False
        if isinstance(field, SealedField):
            return True
        if not (field.is_relation and isinstance(field.related_model, type)):
            return False
        model = field.related_model
    return False
