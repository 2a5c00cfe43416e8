"""What the database itself holds about tenancy, as constraints that migrations carry.

They are no part of `CREATE TABLE`: each returns None from `constraint_sql` and queues
its statements for the end of the migration, when every table of it stands.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.constraints import BaseConstraint

Editor = BaseDatabaseSchemaEditor
Model = type[models.Model]


class DeferredConstraint(BaseConstraint):
    """A constraint made of statements of its own, run after the tables are there."""

    comes_first: ClassVar[bool] = False
    """Whether its statements go before those of the others, which may refer to them."""

    def statements(self, model: Model) -> list[str]:
        """The statements that put the constraint in place."""
        raise NotImplementedError  # abstract: every subclass says its own

    def removal(self, model: Model) -> list[str]:
        """The statements that take it away again."""
        raise NotImplementedError  # abstract: every subclass says its own

    def constraint_sql(self, model: Model | None, schema_editor: Editor | None) -> Any:
        assert model is not None
        assert schema_editor is not None
        place = 0 if self.comes_first else len(schema_editor.deferred_sql)
        schema_editor.deferred_sql[place:place] = self.statements(model)
        return None

    def create_sql(self, model: Model | None, schema_editor: Editor | None) -> Any:
        # Queued, too: an AddConstraint may come before the table that it points at.
        return self.constraint_sql(model, schema_editor)

    def remove_sql(self, model: Model | None, schema_editor: Editor | None) -> Any:
        assert model is not None
        return "; ".join(self.removal(model))

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to check in Python: the database does."""

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self):
            assert isinstance(other, DeferredConstraint)
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    __hash__ = BaseConstraint.__hash__


class TenantTable(DeferredConstraint):
    """Row-level security, and the key that composite foreign keys point at.

    A row is seen and written only in the context of its clinic, by the owner of the
    table too (FORCE). The owner keeps a policy of its own, or data migrations would
    silently change nothing.
    """

    comes_first = True

    def statements(self, model: Model) -> list[str]:
        table = model._meta.db_table
        here = "clinic_id = (SELECT kindwork.context_clinic())"
        return [
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{self.name}" UNIQUE (clinic_id, id)',
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
            f'CREATE POLICY tenant ON "{table}" TO kindwork_app USING ({here}) WITH CHECK ({here})',
            f'CREATE POLICY owner ON "{table}" TO kindwork_owner USING (true) WITH CHECK (true)',
        ]

    def removal(self, model: Model) -> list[str]:
        table = model._meta.db_table
        return [
            f'DROP POLICY tenant ON "{table}"',
            f'DROP POLICY owner ON "{table}"',
            f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" DROP CONSTRAINT "{self.name}"',
        ]


class SameClinic(DeferredConstraint):
    """The row that a field points at belongs to the same clinic: a composite foreign key.

    The field itself is a `ForeignKey(db_constraint=False)`: a plain foreign key checks
    existence only, and across clinics. Checked at once, so that a wrong id is an answer
    to the request and no surprise at commit.
    """

    def __init__(self, field: str, *, name: str, deferrable: bool = False) -> None:
        """`deferrable`: a transaction may ask, with SET CONSTRAINTS, to be checked a little later."""
        super().__init__(name=name)
        self.field = field
        self.deferrable = deferrable

    def deconstruct(self) -> Any:
        path, _, kwargs = super().deconstruct()
        if self.deferrable:
            kwargs["deferrable"] = True
        return path, (self.field,), kwargs

    def statements(self, model: Model) -> list[str]:
        field = model._meta.get_field(self.field)
        assert isinstance(field, models.ForeignKey)
        target = field.related_model._meta.db_table
        return [
            f'ALTER TABLE "{model._meta.db_table}" ADD CONSTRAINT "{self.name}" '
            f'FOREIGN KEY (clinic_id, "{field.column}") REFERENCES "{target}" (clinic_id, id) '
            f"{'' if self.deferrable else 'NOT '}DEFERRABLE INITIALLY IMMEDIATE"
        ]

    def removal(self, model: Model) -> list[str]:
        return [f'ALTER TABLE "{model._meta.db_table}" DROP CONSTRAINT "{self.name}"']


class Unchanging(DeferredConstraint):
    """A row, once written, is never changed or deleted: not by the product, not by the owner.

    Enforced by a trigger of ours and by taking the rights away. Not by a trigger that a
    setting could switch off: the role that serves requests may set settings.
    """

    def statements(self, model: Model) -> list[str]:
        table = model._meta.db_table
        return [
            f'REVOKE UPDATE, DELETE ON "{table}" FROM kindwork_app',
            f'CREATE TRIGGER "{self.name}" BEFORE UPDATE OR DELETE ON "{table}" '
            f"FOR EACH ROW EXECUTE FUNCTION kindwork.refuse_change()",
        ]

    def removal(self, model: Model) -> list[str]:
        table = model._meta.db_table
        return [
            f'DROP TRIGGER "{self.name}" ON "{table}"',
            f'GRANT UPDATE, DELETE ON "{table}" TO kindwork_app',
        ]
