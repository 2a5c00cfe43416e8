"""What every resource has in common."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api.errors import PreconditionFailed, PreconditionRequired
from api.filters import check_parameters, known_parameters
from api.permissions import Access
from clinic.tenancy.actor import Actor
from clinic.tenancy.base import VersionedModel
from clinic.tenancy.querysets import TenantQuerySet
from clinic.vault.sealing import CannotOpen


class KindSerializer(serializers.Serializer[Any]):
    """Takes known fields alone, and shows what can be opened.

    A sealed value that does not open is null and named in `unreadable`: one damaged row
    does not take a list down.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(set(data) - writable)
            if unknown:
                raise serializers.ValidationError(
                    {name[:60]: "There is no such field to write here." for name in unknown},
                    code="unknown_field",
                )
        return super().to_internal_value(data)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        unreadable: list[str] = []
        for field in self._readable_fields:
            name = str(field.field_name)
            try:
                value = field.get_attribute(instance)
                shown[name] = None if value is None else field.to_representation(value)
            except CannotOpen:
                shown[name] = None
                unreadable.append(name)
            except serializers.SkipField:
                continue
        if unreadable:
            shown["unreadable"] = unreadable
        return shown


class ScopedRelated(serializers.PrimaryKeyRelatedField[Any]):
    """A reference to a row that the actor may see; any other is one that does not exist."""

    default_error_messages: ClassVar = {
        "does_not_exist": "There is nothing with this id, or it is not yours to see.",
        "incorrect_type": "An id is expected: a UUID.",
    }

    def __init__(
        self,
        model: type[models.Model],
        *,
        rows: Any = None,
        select: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        self._model = model
        self._rows = rows
        self._select = select
        kwargs.setdefault("pk_field", serializers.UUIDField())
        super().__init__(queryset=model._default_manager.none(), **kwargs)

    def get_queryset(self) -> Any:
        rows = self._model._default_manager.all()
        assert isinstance(rows, TenantQuerySet)
        visible = rows.visible_to(self.context["request"].user)
        if self._select:
            visible = visible.select_related(*self._select)
        return self._rows(visible) if self._rows else visible


class TenantViewSet(GenericViewSet[Any]):
    """A resource of a clinic. Without more it shows nothing and lets nobody in.

    Attributes:
        access: for each action, the roles that may ask.
        model: whose rows; reached by `visible_to` alone.
        select: relations that its rows are read with.
    """

    access: ClassVar[Access] = {}
    model: ClassVar[type[models.Model]]
    select: ClassVar[tuple[str, ...]] = ()
    queryset = None
    lookup_value_converter = "uuid"
    metadata_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    request: Request

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_parameters(request, known_parameters(self))

    @property
    def actor(self) -> Actor:
        """Who is asking; the permission class has seen to it that somebody is."""
        actor = self.request.user
        assert isinstance(actor, Actor)
        return actor

    def get_queryset(self) -> Any:
        rows = self.model._default_manager.all()
        assert isinstance(rows, TenantQuerySet)
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        visible = rows.visible_to(self.actor)
        return visible.select_related(*self.select) if self.select else visible

    def get_object(self, *, lock: bool = False) -> Any:
        """The row of the address. Raises 404 for one that is missing or not the actor's to see."""
        rows = self.filter_queryset(self.get_queryset())
        if lock:
            rows = rows.select_for_update(of=("self",))
        row = self.find(rows, self.kwargs["pk"])
        if row is None:
            raise Http404
        return row

    def find(self, rows: Any, key: Any) -> Any:
        """How a row is found by the address's key."""
        return rows.filter(pk=key).first()

    def get_matched(self) -> Any:
        """The row of the address, locked, if the caller knows its present state (If-Match).

        Raises:
            PreconditionRequired: no If-Match.
            PreconditionFailed: the row was changed since.
        """
        row = self.get_object(lock=True)
        assert isinstance(row, VersionedModel)
        said = self.request.headers.get("If-Match")
        if not said:
            raise PreconditionRequired
        if row.etag not in [one.strip() for one in said.split(",")]:
            raise PreconditionFailed(row.etag)
        return row

    def written(
        self, row: Any, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """Answer with a row that was written, if it is the actor's to see.

        Raises 404 otherwise, which undoes the writing.
        """
        rows = self.get_queryset().filter(pk=row.pk)
        fresh = rows.first()
        if fresh is None:
            raise Http404
        return self.shown(fresh, status=status, headers=headers)

    def shown(
        self, row: Any, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """Answer with one row."""
        response = Response(self.represent(row), status=status, headers=headers)
        if isinstance(row, VersionedModel):
            response["ETag"] = row.etag
        return response

    def represent(self, row: Any) -> Any:
        return self.get_serializer(row).data

    def checked(self, serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
        """The request's content, checked. Raises ValidationError naming the fields at fault."""
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def context(self) -> dict[str, Any]:
        return dict(self.get_serializer_context())


class ListRows:
    """`GET /things`"""

    def list(self: Any, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.represent_page(page))  # type: ignore[no-any-return]

    def represent_page(self: Any, page: Any) -> Any:
        return self.get_serializer(page, many=True).data


class ShowRow:
    """`GET /things/{id}`"""

    def retrieve(self: Any, request: Request, pk: Any) -> Response:
        return self.shown(self.get_object())  # type: ignore[no-any-return]
