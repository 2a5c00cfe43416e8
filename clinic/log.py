"""Logs that hold ids and never what somebody wrote."""

import logging
from http import HTTPStatus


class IdsOnly(logging.Filter):
    """Takes the message out of exceptions: an error of the database or of a parser may quote a person.

    What is left is the type and the place in the code. Query strings go, too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, dict) and "exc" in record.args:
            # Celery's words for a task that failed: its error and its arguments stay out.
            told = record.args
            record.msg = f"Task {told.get('name')}[{told.get('id')}] {told.get('description')}"
            record.args = ()
        if record.name.startswith("django.security"):
            # The message quotes the request.
            record.msg, record.args = f"refused as {record.name.rpartition('.')[2]}", ()
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            where = ""
            while trace is not None:
                code = trace.tb_frame.f_code
                where = f" at {code.co_filename}:{trace.tb_lineno} in {code.co_name}"
                trace = trace.tb_next
            record.msg = f"{record.getMessage()} [{kind.__name__}{where}]"
            record.args = ()
            record.exc_info = None
            record.exc_text = None
        if record.name == "django.request":
            status = getattr(record, "status_code", None)
            request = getattr(record, "request", None)
            if request is not None and request.path_info == "/readyz":
                return False  # it says what is wrong in its answer, to whoever watches it
            if request is not None and status is not None:
                route = request.resolver_match.route if request.resolver_match else "no route"
                detail = record.msg if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
                place = detail[detail.rfind("[") :] if "[" in str(detail) else ""
                record.msg = (
                    f"{request.method} {route} {status} "
                    f"request {getattr(request, 'request_id', '-')} {place}".rstrip()
                )
                record.args = ()
        return True


class LineFormatter(logging.Formatter):
    """One line an event."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
