"""What no code may say: rows reached around visible_to, contexts that outlive, tasks run in place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from tests.allowed import CURSORS_IN_DOORS, UNSCOPED_IN_DOORS
from tests.every_model import tenant_models

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("clinic", "exercises", "sessions", "api")
MANAGERS = ("objects", "_default_manager", "_base_manager")
SHORTCUTS = ("get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404")
READING = {
    "all", "filter", "exclude", "get", "first", "last", "count", "exists", "values", "values_list",
    "iterator", "order_by", "raw", "update", "delete", "in_bulk", "aggregate", "annotate",
    "select_related", "earliest", "latest", "create", "get_or_create", "update_or_create",
}  # fmt: skip


def doors() -> list[Path]:
    """The files that answer requests: the API and every room's views."""
    found = [
        *ROOT.glob("api/*.py"),
        *(p for room in ROOMS for p in ROOT.glob(f"{room}/views/*.py")),
    ]
    return sorted(path for path in found if path.name != "__init__.py")


def product_files(*endings: str) -> list[Path]:
    return sorted(
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in endings and "__pycache__" not in path.parts
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def related_names() -> set[str]:
    """The names by which rows lead to rows that refer to them."""
    return {
        str(relation.get_accessor_name())
        for model in apps.get_models()
        for relation in model._meta.related_objects
        if relation.related_model in tenant_models() and not relation.hidden
    } - {"user"}


def with_places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, list[ast.AST]]]:
    """Every node, with the function or method that it stands in, and its ancestors."""

    def walk(
        node: ast.AST, place: str, above: list[ast.AST]
    ) -> Iterator[tuple[ast.AST, str, list[ast.AST]]]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            inside = f"{place}.{child.name}".lstrip(".") if named else place  # type: ignore[attr-defined]
            yield child, inside, [*above, node]
            yield from walk(child, inside, [*above, node])

    yield from walk(tree, "", [])


def ways_around(source: str) -> list[tuple[str, str]]:
    """Places of a door where rows are reached otherwise than by visible_to: (where, what)."""
    found = []
    accessors = related_names()
    for node, place, above in with_places(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
            nearest = above[-1]
            scoped = isinstance(nearest, ast.Attribute) and nearest.attr in ("visible_to", "none")
            if not scoped:
                found.append((place, ast.unparse(node)))
        elif isinstance(node, ast.Attribute) and node.attr in accessors:
            nearest = above[-1]
            if isinstance(nearest, ast.Attribute) and nearest.attr in READING:
                found.append((place, ast.unparse(node)))
        elif isinstance(node, ast.Name) and node.id in SHORTCUTS:
            found.append((place, node.id))
    return found


def test_doors_reach_rows_by_visible_to_alone() -> None:
    found = {
        (name_of(path), place, what)
        for path in doors()
        for place, what in ways_around(path.read_text())
    }
    assert found - set(UNSCOPED_IN_DOORS) == set()
    assert set(UNSCOPED_IN_DOORS) - found == set()  # an exception that is none any more goes
    assert len(doors()) >= 15


AROUND = {
    "Client.objects.get(pk=pk)": "Client.objects",
    "Client.objects.all().visible_to(actor)": "Client.objects",
    "Client._default_manager.filter(pk=pk)": "Client._default_manager",
    "Client._base_manager.count()": "Client._base_manager",
    "models.Client.objects.raw('SELECT 1')": "models.Client.objects",
    "rows = Client.objects": "Client.objects",
    "handle(Client.objects)": "Client.objects",
    "client.entries.all()": "client.entries",
    "client.care_team.filter(kind='primary')": "client.care_team",
    "assignment.entries.count()": "assignment.entries",
    "get_object_or_404(Client, pk=pk)": "get_object_or_404",
}


@pytest.mark.parametrize("line", AROUND)
def test_a_way_around_visible_to_is_found(line: str) -> None:
    source = f"class View:\n    def get(self, pk):\n        return_value = 1\n        {line}\n"
    assert ways_around(source) == [("View.get", AROUND[line])]


@pytest.mark.parametrize(
    "line",
    [
        "Client.objects.visible_to(actor).get(pk=pk)",
        "Client.objects.none()",
        "self.get_queryset().filter(pk=pk)",
        "page.objects_shown",
        "summary.entries_of_week",
    ],
)
def test_what_goes_through_visible_to_is_left_alone(line: str) -> None:
    assert ways_around(line) == []


def raw_sql(source: str) -> bool:
    """Whether a file speaks SQL itself."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("cursor", "raw", "extra", "execute"))
        or (isinstance(node, ast.Name) and node.id in ("RawSQL", "connections"))
        for node in ast.walk(ast.parse(source))
    )


def test_doors_speak_no_sql() -> None:
    found = {name_of(path) for path in doors() if raw_sql(path.read_text())}
    assert found == set(CURSORS_IN_DOORS)


@pytest.mark.parametrize(
    "line",
    [
        "connection.cursor()",
        "rows.raw('SELECT 1')",
        "rows.extra(where=['1=1'])",
        "cursor.execute('SELECT 1')",
        "rows.annotate(x=RawSQL('1', []))",
        "connections['owner']",
    ],
)
def test_sql_in_a_door_is_found(line: str) -> None:
    assert raw_sql(line)
    assert not raw_sql("rows.filter(pk=1).order_by('id')")


FORBIDDEN_TEXT = {
    "a setting for the whole session": r"\bSET\s+(?:SESSION\s+)?(?:kindwork|app)\s*\.",
    "SET SESSION": r"\bSET\s+SESSION\b",
    "another role": r"\bSET\s+(?:LOCAL\s+)?ROLE\b",
    "a context that outlives its transaction": (
        r"set_config\s*\((?:[^()]|\([^()]*\))*,\s*(?:false|%s|'f')\s*\)"
    ),
    "tasks run in place": r"(?i)task_always_eager",
    "row security switched off": r"(?i)\brow_security\s*(?:=|to)\s*off|NO FORCE ROW LEVEL",
    "somebody else's rights": r"(?i)security_invoker\s*=\s*(?:false|off)",
}

ALLOWED_TEXT = {
    ("clinic/tenancy/constraints.py", "row security switched off"),  # undoing a migration
}


def forbidden_text(source: str) -> set[str]:
    return {what for what, pattern in FORBIDDEN_TEXT.items() if re.search(pattern, source)}


def test_no_code_says_what_takes_a_wall_away() -> None:
    found = {
        (name_of(path), what)
        for path in product_files(".py", ".sql", ".html")
        for what in forbidden_text(path.read_text())
    }
    assert found == ALLOWED_TEXT


TAKES_A_WALL_AWAY = {
    "SET kindwork.context = 'x'": "a setting for the whole session",
    "SET SESSION search_path = mine": "SET SESSION",
    "SET app.practice_id = 1": "a setting for the whole session",
    "SET ROLE kindwork_owner": "another role",
    "SET LOCAL ROLE kindwork_owner": "another role",
    "SELECT set_config('kindwork.context', 'x', false)": "a context that outlives its transaction",
    "SELECT set_config(%s, %s, %s)": "a context that outlives its transaction",
    "SELECT set_config('a', concat('b', 'c'), false)": "a context that outlives its transaction",
    "CELERY_TASK_ALWAYS_EAGER = True": "tasks run in place",
    "app.conf.task_always_eager = True": "tasks run in place",
    "SET row_security = off": "row security switched off",
    "ALTER TABLE x NO FORCE ROW LEVEL SECURITY": "row security switched off",
    "CREATE VIEW v WITH (security_invoker = false)": "somebody else's rights",
}


@pytest.mark.parametrize("line", TAKES_A_WALL_AWAY)
def test_a_line_that_takes_a_wall_away_is_found(line: str) -> None:
    assert TAKES_A_WALL_AWAY[line] in forbidden_text(line)


@pytest.mark.parametrize(
    "line",
    [
        "SELECT set_config(%s, %s, true)",
        "PERFORM set_config('kindwork.context', m || kindwork.context_mac(m), true);",
        "SET LOCAL check_function_bodies = off;",
        "SET CONSTRAINTS data_key_client DEFERRED",
    ],
)
def test_what_holds_for_one_transaction_is_left_alone(line: str) -> None:
    assert forbidden_text(line) == set()


def as_the_owner(source: str) -> bool:
    """Whether code works as the owner or the backup role."""
    return any(
        isinstance(node, ast.Constant) and node.value in ("owner", "backup")
        for node in ast.walk(ast.parse(source))
    )


OWNERS_WORK = {
    "clinic/settings.py": "names the connections",
    "clinic/tenancy/database.py": "sets the database up; says who migrates",
    "clinic/embedded/run.py": "migrates before anything is served",
}


def test_only_setup_and_migrations_work_as_the_owner() -> None:
    found = {name_of(path) for path in product_files(".py") if as_the_owner(path.read_text())}
    assert found == set(OWNERS_WORK)
    assert as_the_owner("Client.objects.using('owner').update(state='ended')")
    assert not as_the_owner("table.owner = person")


def star_imports(source: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names)
        for node in ast.walk(ast.parse(source))
    )


def test_every_import_is_named() -> None:
    assert [name_of(path) for path in product_files(".py") if star_imports(path.read_text())] == []
    assert star_imports("from clinic.models import *")


def own_signals(source: str) -> bool:
    """Whether a model's signal is listened to: an effect that nobody sees from the code that causes it."""
    names = {"post_save", "pre_save", "post_delete", "pre_delete", "m2m_changed", "receiver"}
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("django.d")
        and names & {name.name for name in node.names}
        for node in ast.walk(ast.parse(source))
    )


def test_no_row_is_written_behind_the_back_of_a_service() -> None:
    assert [name_of(path) for path in product_files(".py") if own_signals(path.read_text())] == []
    assert own_signals("from django.db.models.signals import post_save")
    assert own_signals("from django.dispatch import receiver")


INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|\son[a-z]+\s*=|\sstyle\s*=|javascript:|https?://", re.I
)


def test_no_template_holds_what_the_policy_would_stop_or_calls_elsewhere() -> None:
    pages = product_files(".html")
    assert len(pages) >= 4
    assert [name_of(path) for path in pages if INLINE.search(path.read_text())] == []
    for bad in ("<script>x</script>", '<a onclick="x">', '<p style="x">', '<img src="https://x">'):
        assert INLINE.search(bad), bad
    assert not INLINE.search("<script src=\"{% static 'x.js' %}\"></script>")
    assert not re.search(r"\|\s*safe\b|autoescape off|mark_safe", _all_text(pages))


def _all_text(paths: list[Path]) -> str:
    return "\n".join(path.read_text() for path in paths)


def test_no_code_marks_text_as_safe_or_runs_what_it_read() -> None:
    source = _all_text(product_files(".py"))
    assert not re.search(r"\bmark_safe\(|\bformat_html\(|\bpickle\b|\byaml\.load\(", source)
    assert not re.search(r"(?<![\w.])eval\(|(?<![\w.])exec\(|shell=True|verify=False", source)
