"""Of which methods a property is tested on every backend, and of which on the first one alone.

`make test` runs all tests on the first backend of its list, and on the others leaves out those
marked `once`. `contract/test_backends_agree.py` proves of each deterministic method that it makes
the same steps everywhere; what is left to a backend is how it runs them, which depends on a few
traits. So a few methods run everywhere, chosen as in pairwise testing: each trait is among them,
and each two traits that any method has at once. A method that draws numbers has no other backend's
to agree with: what it draws is tested on each of them in `tests/methods`, and so are the
properties of chance.
"""

import itertools
import math

import pytest

import keras_sam
from tests import conformance

# Options that are other calculations than the default ones, for `test_backends_agree.py`.
VARIANTS = (
    ("ae_sam", {"l1": -1.0, "l2": 2.0, "decay": 0.5, "total_steps": 3}),
    ("ao_sam", {"step": 0.2, "l1": -1.0, "l2": 2.0, "decay": 0.5, "total_steps": 4}),
    ("asam", {"normalization": "filter", "scaled": "all"}),
    ("asam", {"p": math.inf, "eta": 0.0}),
    ("cr_sam", {"gamma": 0.8, "beta": -0.3}),
    ("fgsm", {"steps": 3, "momentum": 0.5}),
    ("friendly", {"sigma": 0.6, "decay": 0.5}),
    ("functional_sam", {"preconditioned": True}),
    ("gsam", {"rho_min": 0.1, "rho_max": 0.5, "lr_min": 0.01, "lr_max": 0.1}),
    ("late", {"start": 1, "every": 2}),
    ("le_sam", {"sigma": 0.1, "rho_max": 0.2, "adaptive": True, "p": 3}),
    ("lookahead_sam", {"step": 0.3}),
    ("lookbehind", {"k": 3, "alpha": "adaptive"}),
    ("lookbehind", {"k": 3, "alpha": 0.2, "momentum": 0.8, "every": 2}),
    ("looksam", {"k": 2, "layerwise": True}),
    ("looksam", {"k": 2, "alpha": 1.5, "start": 1}),
    ("msam", {"momentum": 0.5}),
    ("multistep", {"steps": 3, "projection": True, "step_size": 0.04}),
    ("mup_sam", {"base_widths": {5: 2}}),
    ("opt_sam", {"step": 0.3}),
    ("sam", {"p": 1}),
    ("sam", {"p": 3, "mask": ["kernels", "normalization"]}),
    ("sampa", {"lam": 0.5}),
    ("second_order", {"p": 3}),
    ("second_order", {"steps": 3}),
    ("vasso", {"theta": 0.4}),
    ("wsam", {"gamma": 0.6, "every": 2}),
    ("wsam", {"gamma": 0.8, "decoupled": False}),
    ("xsam", {"alpha": 1.5, "steps": 2}),
    ("zsharp", {"percentile": 0.5}),
)


def deterministic_methods():
    """Dict from a label to each method that draws no numbers, and to its variants."""
    names = keras_sam.methods.list()
    short = {name: conformance.short(name) for name in names}
    found = {name: method for name, method in short.items() if not method.is_random}
    for number, (name, options) in enumerate(VARIANTS):
        found[f"{name} {number}"] = keras_sam.methods.get(name, **options)
    return found


def traits(method):
    """Names of what a training step does beside its arithmetic: what it keeps, draws or skips."""
    ascent, descent, slots = method.ascent, method.descent, method.slots().values()
    has = {
        "averages": any(slot.is_averaged for slot in slots),
        "keeps": any(not slot.is_averaged for slot in slots),
        "draws": method.is_random,
        "counts": method.every > 1 or method.start > 0,
        "decides": method.policy is not None,
        "one pass": ascent.is_one_pass,
        "probes": ascent.probes > 0,
        "displaces": descent.displaces,
        "looks ahead": descent.looks_ahead,
        "last batch": descent.needs_last_batch,
    }
    return {name for name, is_so in has.items() if is_so}


def representatives(names):
    """The set of plain `sam` and of few more that show each trait and pair of traits of `names`."""
    shows = {}
    for name in sorted(names):
        found = sorted(traits(conformance.short(name)))
        shows[name] = set(itertools.combinations_with_replacement(found, 2))
    chosen, missing = {"sam"} & {*names}, set().union(*shows.values())
    while missing:
        best = max(shows, key=lambda name: len(shows[name] & missing))
        chosen.add(best)
        missing -= shows[best]
    return chosen


def each_method(but=(), of_chance=False):
    """Names of all methods but some, as parameters of a test; `once` where others stand in.

    With `of_chance` the test is one of randomness: each method that draws numbers runs everywhere.

    Example:

    >>> [parameter.values[0] for parameter in each_method() if not parameter.marks][:2]
    ['ao_sam', 'arwp']
    """
    names = sorted({*keras_sam.methods.list()} - {*but})
    everywhere = representatives(names)
    if of_chance:
        everywhere |= {name for name in names if conformance.short(name).is_random}
    return [
        pytest.param(name, marks=() if name in everywhere else pytest.mark.once, id=name)
        for name in names
    ]


def one_everywhere(cases):
    """Cases of one formula as parameters of a test: the first runs everywhere, the others `once`.

    They differ in arithmetic, which `test_backends_agree.py` compares.
    """
    first, *others = cases
    return [first, *(pytest.param(*case, marks=pytest.mark.once) for case in others)]
