"""How the tests of this folder draw what they try: few examples, and the same on each run."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PROFILE = settings(
    derandomize=True,
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

# Any value that a file of JSON or a command line can bring, and some that only Python has.
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 9),
    st.floats(),
    st.floats(0, 1),
    st.text(max_size=9),
    st.binary(max_size=9),
    st.complex_numbers(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.integers(), st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=4,
)


def fuzzed(**strategies):
    """Has a test run with what is drawn for each of its arguments."""
    return lambda test: PROFILE(given(**strategies)(test))


def refused(call):
    """Whether a call is refused, and as it should be: in one line that ends in what came."""
    try:
        call()
    except (ValueError, TypeError) as error:
        before, _, after = str(error).rpartition("Received: ")
        assert before and after and "\n" not in str(error), str(error)
        return True
    return False
