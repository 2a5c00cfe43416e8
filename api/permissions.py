"""Deny by default: a view says for each of its actions who may ask."""

from collections.abc import Mapping
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from clinic.tenancy.actor import Actor, Role

Access = Mapping[str, frozenset[str]]

ANYONE = frozenset({"anyone"})
STAFF = frozenset({Role.THERAPIST, Role.ADMIN})
THERAPISTS = frozenset({Role.THERAPIST})
CLINICAL = frozenset({Role.THERAPIST, Role.CLIENT})
EVERYONE = frozenset({Role.THERAPIST, Role.ADMIN, Role.CLIENT})


class DeclaredAccess(BasePermission):
    """Lets through whom the view's `access` names for the action, and nobody else."""

    message = "Your role in this clinic does not include this."

    def has_permission(self, request: Request, view: Any) -> bool:
        method = str(request.method).lower()
        action = getattr(view, "action", None) or method
        declared: Access = getattr(view, "access", {})
        if action not in declared:
            # A method that the route does not have: told as that, to those who may ask anything here.
            has_method = hasattr(view, method)
            is_open = ANYONE in declared.values()
            return not has_method and (is_open or isinstance(request.user, Actor))
        allowed = declared[action]
        if allowed == ANYONE:
            return True
        return isinstance(request.user, Actor) and bool(request.user.roles & allowed)
