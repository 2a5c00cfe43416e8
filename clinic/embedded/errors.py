"""What can go wrong before Django is up."""


class CannotStart(Exception):
    """A start failed; the message is one sentence for the person at the terminal, with the mend."""
