"""`python -m clinic.embedded start|stop|status`: the embedded servers by hand."""

import sys

from clinic.embedded import postgres, valkey
from clinic.embedded.errors import CannotStart


def main(words: list[str]) -> int:
    if words == ["start"]:
        postgres.ensure()
        valkey.ensure()
    elif words == ["stop"]:
        valkey.stop()
        postgres.stop()
    elif words == ["status"]:
        up = {"PostgreSQL": postgres.is_running(), "Valkey": valkey.is_running()}
        for name, running in up.items():
            print(f"{name} is {'running' if running else 'stopped'}.")
        return 0 if all(up.values()) else 1
    else:
        print("usage: python -m clinic.embedded start|stop|status", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CannotStart as error:
        sys.exit(str(error))
