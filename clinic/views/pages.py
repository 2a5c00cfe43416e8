"""The plain pages of the ground floor."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """What this is, for whoever opens the address."""
    return render(request, "clinic/welcome.html", {"version": settings.VERSION})
