"""The WSGI entry point that gunicorn serves."""

import os
from collections.abc import Mapping
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")


class Request(WSGIRequest):
    """A request whose text is UTF-8, whatever it says.

    Django would decode the query with any codec that the content type names, and some of
    Python's codecs are none for text: the request failed before anything could refuse it.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(
            meta.get("CONTENT_TYPE", "")
        )


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)

from clinic.vault import keys  # noqa: E402  (needs the settings)

keys.load()  # a missing or damaged key file is told now, and not to the first who signs in
application = Handler()
