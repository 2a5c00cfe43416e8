"""How a service says no: with the field at fault and a sentence that says what to do."""


class Refused(Exception):
    """A request that breaks a rule of the house.

    Attributes:
        field: the argument at fault, "" for the request as a whole; "a.b" for a part of it.
        code: a stable word for programs.
        sentence: for a person, without a word of what anybody wrote.
    """

    def __init__(self, field: str, sentence: str, *, code: str = "invalid") -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code
        self.sentence = sentence


class Conflict(Refused):
    """The request clashes with what is there already."""


class NotTheirs(Refused):
    """The actor may see this and not do that with it."""

    def __init__(self, sentence: str) -> None:
        super().__init__("", sentence, code="permission_denied")
