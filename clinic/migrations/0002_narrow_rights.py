from django.db import migrations

_TABLES = (
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "knox_authtoken",
)


class Migration(migrations.Migration):
    """Take from the serving role what it has no reason to write."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("clinic", "0001_people"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("knox", "0009_extend_authtoken_field"),
    ]

    operations = [
        migrations.RunSQL(
            f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM kindwork_app",
            f"GRANT INSERT, UPDATE, DELETE ON {table} TO kindwork_app",
        )
        for table in _TABLES
    ]
