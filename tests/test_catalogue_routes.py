"""No route, action, queryset or choice in the API is left undeclared. What is new and unlisted is red.

Each check is a function that lists what is wrong; a second test makes such a wrong and sees it listed.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, path
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ModelViewSet

import api
from api.base import KindSerializer, ScopedRelated, TenantViewSet
from api.permissions import ANYONE, CLINICAL, EVERYONE, STAFF, THERAPISTS, DeclaredAccess
from api.urls import DocsView, SchemaView
from clinic.models import Client, Job
from clinic.tenancy.actor import Actor, Role, TaskActor
from clinic.tenancy.base import new_id
from clinic.tenancy.querysets import TenantQuerySet, UndeclaredPurpose
from tests.access_table import API, PAGES
from tests.every_model import tenant_models

Found = Iterator[tuple[str, Any]]
WORDS = {ANYONE, STAFF, THERAPISTS, CLINICAL, EVERYONE}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns: Iterable[Any] | None = None, before: str = "") -> Found:
    """Every route, with the view that answers it."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern), one.callback


def actions(view: Any) -> dict[str, str]:
    """The methods that a view of the API takes, each with the name that `access` knows it by."""
    if declared := getattr(view, "actions", None):
        return {method: name for method, name in declared.items() if method in METHODS}
    cls = getattr(view, "cls", None) or view.view_class
    return {method: method for method in METHODS if hasattr(cls, method)}


def is_api(view: Any) -> bool:
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return isinstance(cls, type) and issubclass(cls, APIView)


def undeclared_views(found: Iterable[tuple[str, Any]]) -> list[str]:
    """Views of the API that do not say, for each method, which roles may ask, or that ask nobody."""
    wrong = []
    for route, view in found:
        if not is_api(view):
            continue
        cls = getattr(view, "cls", None) or view.view_class
        settings = {**vars(view).get("initkwargs", {})}
        access = getattr(cls, "access", {})
        for method, name in actions(view).items():
            if name not in access:
                wrong.append(f"{method.upper()} {route} declares no access")
            elif access[name] not in WORDS:
                wrong.append(f"{method.upper()} {route} declares {sorted(access[name])}")
        permissions = settings.get("permission_classes", cls.permission_classes)
        if list(permissions) != [DeclaredAccess]:
            wrong.append(f"{route} does not ask DeclaredAccess")
        if not settings.get("authentication_classes", cls.authentication_classes) and any(
            access.get(name) != ANYONE for name in actions(view).values()
        ):
            wrong.append(f"{route} finds nobody out")
    return wrong


def test_every_view_of_the_api_declares_who_may_ask() -> None:
    assert undeclared_views(routes()) == []


class Undeclared(TenantViewSet):
    model = Job
    access = {"list": EVERYONE, "create": frozenset({"somebody"})}

    def list(self, request: Any) -> Any: ...

    def create(self, request: Any) -> Any: ...

    def destroy(self, request: Any, pk: Any) -> Any: ...


class Open(APIView):
    access = {"get": EVERYONE}
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    def get(self, request: Any) -> Any: ...

    def post(self, request: Any) -> Any: ...


def test_an_undeclared_view_is_found() -> None:
    router = SimpleRouter(trailing_slash=False, use_regex_path=False)
    router.register("bad", Undeclared, basename="bad")
    assert undeclared_views(routes([*router.urls, path("open", Open.as_view())])) == [
        "POST bad declares ['somebody']",
        "DELETE bad/<uuid:pk> declares no access",
        "POST open declares no access",
        "open does not ask DeclaredAccess",
        "open finds nobody out",
    ]


def table_differences(
    found: Iterable[tuple[str, Any]], api_rows: set[tuple[str, str]], pages: set[str]
) -> list[str]:
    """Routes that the access table lacks, and rows of it that are no route any more."""
    methods: set[tuple[str, str]] = set()
    others: set[str] = set()
    for route, view in found:
        if is_api(view):
            methods |= {(route, method.upper()) for method in actions(view)}
        else:
            others.add(route)
    return sorted(
        [f"{method} {route} is not in the table" for route, method in methods - api_rows]
        + [f"{method} {route} is in the table alone" for route, method in api_rows - methods]
        + [f"page {route} is not in the table" for route in others - pages]
        + [f"page {route} is in the table alone" for route in pages - others]
    )


API_ROWS = {("api/v1/" + row.route, row.method) for row in API}
PAGE_ROWS = {page.route for page in PAGES}


def test_the_access_table_has_every_route_and_nothing_else() -> None:
    assert table_differences(routes(), API_ROWS, PAGE_ROWS) == []
    assert len(API) == len(API_ROWS)
    assert len(PAGES) == len(PAGE_ROWS)


def test_a_route_outside_of_the_table_is_found() -> None:
    def page(request: HttpRequest) -> HttpResponse: ...

    more = [path("new-page", page), path("api/v1/new", Open.as_view())]
    assert table_differences([*routes(), *routes(more)], API_ROWS, PAGE_ROWS) == [
        "GET api/v1/new is not in the table",
        "POST api/v1/new is not in the table",
        "page new-page is not in the table",
    ]
    assert table_differences(
        routes(), API_ROWS | {("api/v1/gone", "GET")}, PAGE_ROWS | {"gone"}
    ) == ["GET api/v1/gone is in the table alone", "page gone is in the table alone"]


# -- rows and choices

NOBODY = Actor(clinic_id=new_id(), user_id=new_id(), memberships={})


def viewsets() -> list[type[GenericViewSet[Any]]]:
    found = {getattr(view, "cls", None) for _, view in routes()}
    return [cls for cls in found if isinstance(cls, type) and issubclass(cls, GenericViewSet)]


def unscoped_viewsets(found: Iterable[type[GenericViewSet[Any]]]) -> list[str]:
    """Viewsets that show rows to an actor without any role, or that hold rows on the class."""
    wrong = []
    for cls in found:
        rows = cls.queryset
        if rows is not None and not rows.query.is_empty():
            wrong.append(f"{cls.__name__} holds rows on the class")
        view = cls()
        view.request = type("Request", (), {"user": NOBODY, "method": "GET"})()
        view.kwargs = {}
        shown = view.get_queryset()
        if not isinstance(shown, TenantQuerySet) or not shown.query.is_empty():
            wrong.append(f"{cls.__name__} shows rows to nobody in particular")
    return wrong


def test_every_viewset_shows_nothing_to_an_actor_without_a_role() -> None:
    found = viewsets()
    assert len(found) >= 10
    assert unscoped_viewsets(found) == []


def test_an_unscoped_viewset_is_found() -> None:
    class Everything(ModelViewSet[Any]):
        queryset = Client.objects.all()

    class Forgotten(TenantViewSet):
        model = Client

        def get_queryset(self) -> Any:
            return Client.objects.filter(state="active")

    class Good(TenantViewSet):
        model = Client

    assert unscoped_viewsets([Everything, Forgotten, Good]) == [
        "Everything holds rows on the class",
        "Everything shows rows to nobody in particular",
        "Forgotten shows rows to nobody in particular",
    ]


def test_a_viewset_without_more_lets_nobody_in() -> None:
    class Bare(TenantViewSet):
        model = Client

    request = type("Request", (), {"method": "GET"})()
    for roles in ((), (Role.THERAPIST,), (Role.ADMIN,), (Role.CLIENT,)):
        request.user = Actor(
            clinic_id=new_id(), user_id=new_id(), memberships={role: new_id() for role in roles}
        )
        view = Bare()
        view.action = "list"
        view.list = lambda request: None  # type: ignore[attr-defined]
        view.get = view.list  # type: ignore[attr-defined]
        assert DeclaredAccess().has_permission(request, view) is False


@pytest.mark.parametrize("view", [SchemaView, DocsView])
def test_what_anybody_may_read_is_about_nobody(view: type[APIView]) -> None:
    access: dict[str, Any] = view.access  # type: ignore[attr-defined]
    assert set(access) <= {"get", "head"}
    assert set(access.values()) == {ANYONE}
    assert not hasattr(view, "model")


def modules() -> Iterator[ModuleType]:
    for one in pkgutil.iter_modules(api.__path__, "api."):
        yield importlib.import_module(one.name)


def serializer_classes() -> list[type[serializers.BaseSerializer[Any]]]:
    return sorted(
        {
            value
            for module in modules()
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, serializers.BaseSerializer)
            and value.__module__.startswith("api.")
        },
        key=lambda cls: cls.__name__,
    )


def loose_serializers(found: Iterable[type[serializers.BaseSerializer[Any]]]) -> list[str]:
    """Serializers that take what they do not know, or choices from beyond the actor's own rows."""
    wrong = []
    for cls in found:
        if not issubclass(cls, KindSerializer):
            wrong.append(f"{cls.__name__} is no KindSerializer")
        if issubclass(cls, serializers.ModelSerializer):
            wrong.append(f"{cls.__name__} takes its fields from a model")
            continue
        for name, field in cls().fields.items():
            inner = getattr(field, "child_relation", field)
            if isinstance(inner, serializers.RelatedField) and not isinstance(inner, ScopedRelated):
                wrong.append(f"{cls.__name__}.{name} is not scoped")
    return wrong


def test_every_serializer_names_its_fields_and_scopes_its_choices() -> None:
    found = serializer_classes()
    assert len(found) >= 20
    assert loose_serializers(found) == []


def test_a_loose_serializer_is_found() -> None:
    class Naive(serializers.Serializer[Any]):
        client = serializers.PrimaryKeyRelatedField(queryset=Client.objects.all())
        clients = serializers.PrimaryKeyRelatedField(queryset=Client.objects.all(), many=True)

    class All(serializers.ModelSerializer[Any]):
        class Meta:
            model = Job
            fields = "__all__"

    assert loose_serializers([Naive, All]) == [
        "Naive is no KindSerializer",
        "Naive.client is not scoped",
        "Naive.clients is not scoped",
        "All is no KindSerializer",
        "All takes its fields from a model",
    ]


def open_querysets(found: Iterable["TenantQuerySet[Any]"]) -> list[str]:
    """Querysets that show rows to an actor without a role."""
    return [type(rows).__name__ for rows in found if not rows.visible_to(NOBODY).query.is_empty()]


def test_every_model_shows_nothing_to_an_actor_without_a_role() -> None:
    rows: list[Any] = [model._default_manager.all() for model in tenant_models()]
    assert open_querysets(rows) == []

    class Careless(TenantQuerySet[Any]):
        def visible_to(self, actor: Any) -> Any:
            return self.all()

    assert open_querysets([*rows, Careless(Client)]) == ["Careless"]


def test_a_task_reaches_no_model_that_its_purpose_is_not_declared_for() -> None:
    actor = TaskActor(new_id(), "curiosity")
    for model in tenant_models():
        with pytest.raises(UndeclaredPurpose):
            model._default_manager.all().visible_to(actor)  # type: ignore[attr-defined]
