"""Six exceptions, one reaction each: the class says who is to blame and what happens next.

| error         | raised where                          | reaction                                      |
| ------------- | ------------------------------------- | --------------------------------------------- |
| Malformed     | decoding bytes of a stranger          | the sender is blamed, the connection suffers  |
| Rejected      | admitting or applying a transaction   | the sender is told the code                   |
| InvalidBlock  | checking a block                      | the proposer is blamed, the vote is nil       |
| Divergence    | recomputing what was already agreed   | stop, wake a person                           |
| Unavailable   | opening or reaching something outside | the operator is told what, where and the cure |
"""


class TfchainError(Exception):
    """Root of the six: whatever reaches the front door is one line, never a traceback."""


class Malformed(TfchainError):
    """Bytes that do not say what they must. Blame the sender."""


class Rejected(TfchainError):
    """A transaction that may not be done. `code` is stable: it is hashed into the results root."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class InvalidBlock(TfchainError):
    """A block that no correct proposer makes. Blame the proposer."""


class Divergence(TfchainError):
    """Recomputing gave another answer than what was agreed. Stop, wake a person."""


class Unavailable(TfchainError):
    """Something outside cannot be used: says what, where, and what to do about it."""

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(f"{what}: {where}; {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy
