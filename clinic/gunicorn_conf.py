"""How gunicorn serves Kindwork: few processes, some threads, connections kept."""

import gc
import os
from typing import Any

wsgi_app = "clinic.wsgi:application"
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES") or "2")
threads = 4
timeout = 60
graceful_timeout = 10
max_requests = 20_000
max_requests_jitter = 2_000
preload_app = True
loglevel = "warning"
control_socket_disable = True
accesslog = None  # addresses hold ids; the product's own log says what is needed
limit_request_line = 4094
proc_name = "kindwork-web"


def post_fork(server: Any, worker: Any) -> None:
    """What was loaded before the fork stays shared: the collector leaves it alone."""
    gc.freeze()
