"""Which method to take: the front of methods that were tuned alike."""

import pytest

from keras_sam.methods.recommendation import PLAIN, Tuned, front, tuned

pytestmark = pytest.mark.once


def row(price, accuracy, gain_margin=1.0, method="sam"):
    gain = accuracy - 80
    return Tuned(method, {}, price, accuracy, 0.5, gain, gain_margin, gain, gain_margin)


def test_the_front_holds_what_nothing_cheaper_matches():
    cheap, good, dear, best = row(1.0, 84), row(1.9, 90), row(2.0, 89), row(3.0, 92)
    by_chance, plain = row(0.9, 85, gain_margin=6), row(1.0, 88, method=PLAIN)
    assert front([best, dear, plain, good, by_chance, cheap]) == [cheap, good, best]
    assert front([row(1.0, 84), row(1.0, 86)]) == [row(1.0, 86)]
    assert front([by_chance, row(1.0, 70)]) == []


def test_a_line_of_a_file_is_read_with_its_settings(tmp_path):
    path = tmp_path / "tuned.csv"
    names = ",".join(Tuned.__dataclass_fields__)
    path.write_text(f'{names}\nsam,"{{""rho"": 0.4}}",2.0,90,0.5,10,1,9,1\n')
    (found,) = tuned(path)
    assert found == Tuned("sam", {"rho": 0.4}, 2.0, 90, 0.5, 10, 1, 9, 1)
