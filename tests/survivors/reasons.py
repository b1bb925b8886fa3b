"""Why a mutant survives. Most compute the same values in another way; the others differ where no witness looks.

For each of those that differ there is a probe in the tests, which notices what stands under it.
"""

from __future__ import annotations

Row = tuple[str, str, str]
Table = dict[str, tuple[Row, ...]]

# Other values, where the witnesses do not look.
OTHER_TYPE = "the witnesses give cotangents of the type of the arguments: of another, they are converted"
OVERFLOW = "what is the same along a row cancels in the quotient: the shift only keeps exp from overflowing"
KINK = "at the kink there is no derivative, and the witnesses keep away from it"
ALIAS = "a gradient that is the cotangent itself has the right values, but whoever writes to one changes the other"

# The same values.
SUBLAYER = "the layer that is called converts it"
EVEN = "even powers and absolute values forget the sign"
CANCELS = "the sign cancels in the quotient"
UNUSED = "the value is not used: the function writes to its argument"
WHOLE_SUM = "the sum over all axes does not depend on their order"
DOT = "the inner product of two vectors is symmetric"
SHAPE_ONLY = "only the shape is read"
ONE_AXIS = "of one axis, the first is the last"
NOTHING = "minus nothing is nothing"
WIDER = "wider margins than needed: more zeros around, of which none is read"
NO_REACH = "whether a reach of 0 counts as forwards or backwards, it adds 0"
ALL_ROWS = "all rows are of one length"
MORE_TAPS = "a longer loop adds the same entries one by one"
LONG_WAY = "padding by nothing is a copy"
WRITEABLE = "a view that may be written to is only read"
