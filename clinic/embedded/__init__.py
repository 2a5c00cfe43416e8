"""The private PostgreSQL and Valkey of `make run` and `make test`.

Used when no DATABASE_URL and no BROKER_URL are given. Nothing here imports Django,
so that the servers can be up before Django looks for them.
"""
