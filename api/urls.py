"""`/api/v1/`: addresses end without a slash."""

from typing import Any

from django.urls import path
from django.views.decorators.cache import cache_control
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

from api.assignments import AssignmentViewSet
from api.care_team import CareTeamViewSet
from api.clients import ClientViewSet
from api.entries import EntryViewSet
from api.exercises import ExerciseViewSet
from api.jobs import JobViewSet
from api.me import MeViewSet
from api.members import MemberViewSet
from api.permissions import ANYONE
from api.summaries import SummaryViewSet
from api.support import SupportViewSet
from api.tokens import TokenViewSet

app_name = "api"

RESOURCES: dict[str, type[GenericViewSet[Any]]] = {
    "tokens": TokenViewSet,
    "members": MemberViewSet,
    "clients": ClientViewSet,
    "care-team": CareTeamViewSet,
    "exercises": ExerciseViewSet,
    "assignments": AssignmentViewSet,
    "entries": EntryViewSet,
    "summaries": SummaryViewSet,
    "jobs": JobViewSet,
}


class SchemaView(SpectacularJSONAPIView):
    """The OpenAPI 3.1 document."""

    access = {"get": ANYONE, "head": ANYONE}
    http_method_names = ["get", "head"]
    authentication_classes: list[Any] = []


class DocsView(SpectacularSwaggerSplitView):
    """The same, to read and try out; works offline."""

    access = {"get": ANYONE, "head": ANYONE}
    http_method_names = ["get", "head"]
    authentication_classes: list[Any] = []
    template_name = "api/docs.html"


router = SimpleRouter(trailing_slash=False, use_regex_path=False)
for name, viewset in RESOURCES.items():
    router.register(name, viewset, basename=name)

urlpatterns = [
    *router.urls,
    path("me", MeViewSet.as_view({"get": "me"}), name="me"),
    path("support", SupportViewSet.as_view({"get": "support"}), name="support"),
    path("schema", cache_control(max_age=300)(SchemaView.as_view()), name="schema"),
    path("docs", DocsView.as_view(url_name="api:schema"), name="docs"),
]
