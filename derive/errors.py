"""What can go wrong, one class per stage. A message says what is wrong, where (in index notation) and what to do."""


class DeriveError(ValueError):
    """A mistake in what was asked; its text is meant to be read by the person who asked."""


class DefinitionError(DeriveError):
    """The equations of a layer contradict themselves or say something that an equation cannot say."""


class DifferentiationError(DeriveError):
    """An expression has no derivative rule."""


class NotationError(DeriveError):
    """An expression cannot be written in the notation that was asked for."""


class LoweringError(DeriveError):
    """An expression cannot be turned into array statements."""


class CheckError(DeriveError):
    """A check cannot be carried out as asked."""


class UsageError(DeriveError):
    """A command, a file or a name that does not exist or cannot be used."""


class InternalError(AssertionError):
    """A bug of ours: an invariant of the engine does not hold."""
