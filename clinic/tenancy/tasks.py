"""The base of every task: a declared scope, and no tenant by accident."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, cast
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded

from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import Scope, acting_as

log = logging.getLogger("kindwork.tasks")

SCOPES = ("clinic", "each_clinic", "none")


class ScopedTask(Task[Any, Any]):
    """A task that says where it works.

    Declared with `task` below:

    - "clinic": the first argument is the clinic's id;
    - "each_clinic": the body runs once for every active clinic, and one clinic's trouble
      does not stop the next;
    - "none": it touches no clinic's rows.

    The body opens `self.acting(clinic_id)` for each batch: one scope, one transaction.
    Without it row-level security shows it nothing. Arguments are ids, never words.
    """

    abstract = True
    # A task of each clinic is sent without the clinic that its body is called with.
    typing = False
    scope: ClassVar[str] = ""
    purpose: ClassVar[str] = ""

    def acting(self, clinic_id: UUID | str) -> AbstractContextManager[Scope]:
        """Open a transaction in a clinic, as the worker, for this task's purpose."""
        if self.scope not in ("clinic", "each_clinic") or not self.purpose:
            raise RuntimeError(f"{self.name} declares no scope that reaches a clinic's rows")
        return acting_as(TaskActor(UUID(str(clinic_id)), self.purpose))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.scope not in SCOPES:
            raise RuntimeError(f"{self.name} declares no scope")
        if self.scope == "each_clinic":
            return self._for_each_clinic(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def _for_each_clinic(self, *args: Any, **kwargs: Any) -> None:
        from clinic.models import Clinic

        failed = 0
        ids = Clinic.objects.filter(is_active=True).order_by("id").values_list("id", flat=True)
        for clinic_id in list(ids):
            try:
                super().__call__(str(clinic_id), *args, **kwargs)
            except SoftTimeLimitExceeded:
                raise  # the next run goes on from here: what is due stands in the database
            except Exception as error:  # one clinic's trouble is not the next one's
                failed += 1
                log.error("%s failed in clinic %s: %s", self.name, clinic_id, type(error).__name__)
        if failed:
            raise RuntimeError(f"{self.name} failed in {failed} clinics")


def task(
    *, scope: Literal["clinic", "each_clinic", "none"], purpose: str = ""
) -> Callable[[Callable[..., None]], ScopedTask]:
    """Make a task of a function whose first parameter is the task itself."""
    made = shared_task(bind=True, base=ScopedTask, scope=scope, purpose=purpose)
    return cast(Callable[[Callable[..., None]], ScopedTask], made)
