"""What is excepted from a rule that tests hold, each with its reason. What is not here is not excepted."""

GLOBAL_TABLES = {
    "public.clinic_clinic": "the tenant itself: its row is looked up before its context is set",
    "public.clinic_user": "a login is the same in every clinic, and holds no address in clear",
    "public.clinic_user_groups": "Django's: rights of operators, who have no clinic",
    "public.clinic_user_user_permissions": "Django's: rights of operators, who have no clinic",
    "public.clinic_heartbeat": "that the worker lives: of no clinic",
    "public.auth_group": "Django's: unused, kept for its migrations",
    "public.auth_group_permissions": "Django's: unused, kept for its migrations",
    "public.auth_permission": "Django's: names of models and verbs",
    "public.django_content_type": "Django's: names of models",
    "public.django_migrations": "Django's: names of migrations",
    "public.django_admin_log": "Django's: what operators changed, by id",
    "public.django_session": "Django's: a login's session begins before a clinic is known",
    "public.knox_authtoken": "the library's own table, empty: ours is clinic_apitoken",
    "kindwork.context_key": "the key of the context; only its owner may read it",
}
"""Tables without row-level security."""

READ_ONLY_GLOBAL_TABLES = {
    "public.auth_group": "nobody manages groups",
    "public.auth_group_permissions": "nobody manages groups",
    "public.auth_permission": "written by migrations",
    "public.django_content_type": "written by migrations",
    "public.django_migrations": "written by migrations; /readyz reads it",
    "public.knox_authtoken": "nobody writes to it",
    "kindwork.context_key": "written by setup",
}
"""Those of them that the role which serves requests has no reason to write to."""

THIRD_PARTY_TEXT = {
    "admin.LogEntry.object_id": "an id",
    "admin.LogEntry.object_repr": "str() of what an operator changed: ids, by IdentifiedModel",
    "admin.LogEntry.change_message": "names of fields",
    "auth.Permission.name": "made from a model's name",
    "auth.Permission.codename": "made from a model's name",
    "auth.Group.name": "unused",
    "contenttypes.ContentType.app_label": "an app's name",
    "contenttypes.ContentType.model": "a model's name",
    "sessions.Session.session_key": "random",
    "sessions.Session.session_data": "signed: ids of a login and a clinic",
}
"""Text fields of models that are not ours."""

CLEAR_BYTES = {
    "clinic.User.wrapped_key": "a data key, wrapped",
    "clinic.DataKey.wrapped": "a data key, wrapped",
    "clinic.IdempotencyKey.key_digest": "a keyed digest",
    "clinic.IdempotencyKey.request_digest": "a keyed digest",
    "exercises.Entry.request_digest": "a keyed digest",
}
"""Binary columns that are not sealed fields."""

LIBRARY_TASKS = {
    f"celery.{name}": "Celery's own building block; without a scope it refuses to run"
    for name in (
        "accumulate",
        "backend_cleanup",
        "chain",
        "chord",
        "chord_unlock",
        "chunks",
        "group",
        "map",
        "starmap",
    )
}

DEFINER_FUNCTIONS = {
    "kindwork.context_mac(text)": "reads the key; only its owner may call it",
    "kindwork.context_part(integer)": "verifies the context; only its owner may call it",
    "kindwork.context_clinic()": "says which clinic was verified",
    "kindwork.context_user()": "says which person was verified",
    "kindwork.memberships_of(uuid,bigint,text)": "after a password: which clinics there are to choose from",
    "kindwork.enter_by_token(text,integer)": "checks a token and enters its clinic",
    "kindwork.reset_for_tests()": "empties tables; exists in test databases alone",
}
"""Functions that run with their owner's rights, reviewed line by line."""

CALLED_BY_THE_APP = {
    "kindwork.context_clinic()",
    "kindwork.context_user()",
    "kindwork.memberships_of(uuid,bigint,text)",
    "kindwork.enter_by_token(text,integer)",
    "kindwork.reset_for_tests()",
}
"""All that the role which serves requests may call."""

UNSCOPED_IN_DOORS = {
    ("api/base.py", "ScopedRelated.get_queryset", "self._model._default_manager"): (
        "goes through visible_to three lines on"
    ),
    ("api/base.py", "TenantViewSet.get_queryset", "self.model._default_manager"): (
        "goes through visible_to, or none() for the schema"
    ),
    ("api/idempotency.py", "once", "IdempotencyKey.objects"): (
        "writes the caller's own key; what is read goes through visible_to"
    ),
    ("api/me.py", "MeViewSet.me", "Clinic.objects"): "a clinic is no tenant row; the actor's own",
    ("api/me.py", "MeViewSet.me", "self.actor.memberships"): "the actor's own mapping, no rows",
    ("clinic/views/health.py", "scheduler", "Heartbeat.objects"): "belongs to no clinic",
}
"""Managers that a door uses without visible_to in the same breath: (file, where, what)."""

CURSORS_IN_DOORS = {
    "clinic/views/health.py": "asks whether the database answers",
}
