"""From texts to the numbers of their words, which need no vocabulary of a data set's own.

A word's number is a hash of it (Weinberger et al. 2009, arXiv:0902.2206): a network trained on one
folder of texts can read any other text, with no file beside it and on any backend.
"""

import re
import zlib
from collections.abc import Iterable

import numpy as np

from keras_sam import checks

NUMBERS = 16384  # Of words; two of the commonest 10,000 words rarely share one.
PADDING = 0


def words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation.

    Args:
        text: String.

    Returns:
        List of strings.

    Example:

    >>> from keras_sam.datasets.words import words
    >>> words("Returns the mean; see `axis=0`.")
    ['returns', 'the', 'mean', 'see', 'axis', '0']
    """
    return re.findall(r"\w+", text.lower())


def encode(texts: Iterable[str], length: int) -> np.ndarray:
    """Texts as the text classifiers of `keras_sam.models` take them.

    Args:
        texts: Iterable of strings.
        length: Integer of at least 1: how many words to keep of a text, its first ones.

    Returns:
        Int32 array (texts, length) of numbers from 1 to `NUMBERS - 1`, 0 behind a text's end.

    Raises:
        ValueError: If `length` is not a positive integer.

    Example:

    >>> from keras_sam import datasets
    >>> datasets.encode(["the mean", "the"], length=2)
    array([[ 7936, 13211],
           [ 7936,     0]], dtype=int32)
    """
    if isinstance(texts, str):
        checks.refuse("texts", "a list of strings", texts)
    length = checks.positive_integer("length", length)
    found = [[_number(word) for word in words(text)[:length]] for text in texts]
    rows = [row + [PADDING] * (length - len(row)) for row in found]
    return np.array(rows, "int32").reshape(-1, length)


def _number(word: str) -> int:
    return 1 + zlib.crc32(word.encode()) % (NUMBERS - 1)
