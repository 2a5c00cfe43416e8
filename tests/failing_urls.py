"""The product's routes, and some that go wrong on purpose: for tests of what happens then."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.permissions import ANYONE, EVERYONE
from clinic import urls
from clinic.models import Clinic, Heartbeat, Job
from clinic.refusal import Conflict, Refused
from clinic.tenancy.actor import Actor

handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500

WAYS: dict[str, Any] = {
    "validation": lambda words: ValidationError({"field": "no"}),
    "refusal": lambda words: Refused("field", "No."),
    "conflict": lambda words: Conflict("field", "No."),
    "missing": lambda words: NotFound(),
    "django-missing": Http404,
    "forbidden": PermissionDenied,
    "suspicious": SuspiciousOperation,
    "failure": ValueError,
    "key": KeyError,
    "lost": OperationalError,
}


class WritesThenFails(APIView):
    """Writes a row of the clinic and one of no clinic, and then goes wrong in the way asked for."""

    access = dict.fromkeys(("get", "post", "put", "patch", "delete"), EVERYONE)

    def post(self, request: Request, way: str) -> Response:
        assert isinstance(request.user, Actor)
        Job.objects.create(clinic_id=request.user.clinic_id, kind="written")
        Heartbeat.objects.create(name="written", at=timezone.now())
        words = str(request.data.get("words", "")) if request.method != "GET" else ""
        if way == "database":
            Heartbeat.objects.create(name=words, at=timezone.now())
            Heartbeat.objects.create(name=words, at=timezone.now())
        elif way == "type":
            with connection.cursor() as cursor:
                cursor.execute("SELECT %s::uuid", [words])
        elif way in WAYS:
            raise WAYS[way](words) from ValueError(words)
        return Response(status=int(way) if way.isdigit() else 200)

    get = put = patch = delete = post


class Plain(APIView):
    access = {"get": ANYONE}

    def get(self, request: Request) -> Response:
        raise RuntimeError(request.headers.get("X-Words", "") + request.query_params.get("q", ""))


@login_not_required
def page(request: HttpRequest, way: str) -> HttpResponseBase:
    """A page that goes wrong in the way asked for."""
    words = request.POST.get("words") or request.GET.get("q", "")
    if request.method == "POST":
        Heartbeat.objects.create(name="written", at=timezone.now())
    if way == "stream":
        return StreamingHttpResponse(str(one) for one in (words, "more"))
    if way == "stream-rows":
        return StreamingHttpResponse(str(clinic.pk) for clinic in Clinic.objects.all())
    if way == "lazy":
        return TemplateResponse(request, "clinic/refusal.html", {"status": 1, "sentence": "lazy"})
    if way in WAYS:
        raise WAYS[way](words) from ValueError(words)
    return HttpResponse(way, status=int(way) if way.isdigit() else 200)


@login_not_required
def fails_late(request: HttpRequest) -> TemplateResponse:
    """A page whose template is found to be missing when it is rendered, after the view."""
    Heartbeat.objects.create(name="written", at=timezone.now())
    return TemplateResponse(request, "clinic/there_is_no_such_page.html")


urlpatterns = [
    path("api/v1/failing/<str:way>", WritesThenFails.as_view()),
    path("api/v1/plainly-failing", Plain.as_view()),
    path("failing/late", fails_late),
    path("failing/<str:way>", page),
    *urls.urlpatterns,
]
