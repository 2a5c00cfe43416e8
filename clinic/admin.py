"""The operators' pages: the server's side of things. No clinic's content is reachable here.

Operators have no clinic, so row-level security shows them no row of any; what is
registered below are the tables that belong to none.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from clinic.models import Clinic, Heartbeat, User

admin.site.site_header = "Kindwork, for operators"
admin.site.site_title = "Kindwork"
admin.site.index_title = "The server's side"
admin.site.unregister(Group)


@admin.register(Clinic)
class ClinicAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "name", "time_zone", "country", "is_active", "created_at")
    readonly_fields = ("id", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Logins by id. Addresses are sealed, and are not shown to operators."""

    list_display = ("id", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    fields = ("id", "is_active", "is_staff", "last_login", "created_at")
    readonly_fields = ("id", "is_staff", "last_login", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Heartbeat)
class HeartbeatAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
