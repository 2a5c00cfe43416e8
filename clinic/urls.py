"""The wiring: the one module that sees everything."""

from django.contrib import admin
from django.urls import include, path

from clinic.views import health, pages, refusals

urlpatterns = [
    path("", pages.welcome, name="welcome"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("operators/", admin.site.urls),
    path("api/v1/", include("api.urls")),
]

handler400 = refusals.bad_request
handler403 = refusals.permission_denied
handler404 = refusals.not_found
handler500 = refusals.server_error
