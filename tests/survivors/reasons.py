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
DIGITS = "near zero digits are lost, where the witnesses look at the whole"
SHORT = "the witnesses draw no row of zeros, and none that is short"
ALIAS = "a gradient that is the cotangent itself has the right values, but whoever writes to one changes the other"
EMPTY = "the witnesses draw no row of which every key is masked"
SINGLE = "the witnesses compare values: these are right, but of double precision where the arguments are of single"

# The same values.
SUBLAYER = "the layer that is called converts it"
EVEN = "even powers and absolute values forget the sign"
FOLDED = "a product with one matrix is the same, whether leading axes are folded for it or not"
FOLDED_AGAIN = "what reads it folds its leading axes again"
CANCELS = "the sign cancels in the quotient"
UNUSED = "the value is not used: the function writes to its argument"
WHOLE_SUM = "the sum, or the maximum, over all axes does not depend on their order"
DOT = "the inner product of two vectors is symmetric"
SHAPE_ONLY = "only the shape is read"
TYPE_ONLY = "only the type is read"
AGAIN = "where blocks overlap, the same entries are computed again"
EXCLUSIVE = "an exclusive or is the same in either order"
INFERRED = "a negative size of a shape is inferred from the others, and comes out the same"
ONE_AXIS = "of one axis, the first is the last"
NOTHING = "minus nothing is nothing"
TRUTH = "minus a number is as true as the number"
TWICE = "the sign is taken twice, and cancels"
TIES = "positions are sorted so that equal ones meet, in either direction"
WIDER = "wider margins than needed: more zeros around, of which none is read"
NO_REACH = "whether a reach of 0 counts as forwards or backwards, it adds 0"
ALL_ROWS = "all rows are of one length"
MORE_TAPS = "a longer loop adds the same entries one by one"
LONG_WAY = "padding by nothing is a copy"
WRITEABLE = "a view that may be written to is only read"
SYMMETRIC = "a symmetric matrix is its own transpose"
OF_TWO = "of two axes, the second is the last"
ON_DIAGONAL = "only the diagonal is read"
NOT_TAKEN = "what stands in for an argument where the other branch is taken is not used"
COMMUTES = "both conditions have to hold, in either order"
BALANCED = "the bounds are as far below zero as above"
UNIFORM = "the gradient does not need the option: all functions of a layer take the same"
SATURATED = "the error function is 1 to the last digit from 6 on"
BESIDE_ONE = "where one of two axes has size one, to exchange them moves no entry"
OF_ONE = "of two axes of size one, either may be the last"
MEET = "where the pieces meet they are equal"
ROW = "in a softmax, what is added to a whole row of scores cancels"
AT_LEAST_ONE = "of what is shifted by its maximum, a sum is 0 or at least 1"
NO_SHARE = "0 is divided, by whatever number"
ONE_OVER = "to divide by 1 or -1 is to multiply by it"
LEFT_OVER = "in a reshape, a negative number is the size that is left over"
CONVERTED = "what is written into an array is converted to its type"
OVERWRITTEN = "every entry is written afterwards"
