"""Which method to take: the front of methods that were tuned alike, from the package's table."""

import pytest

from docs import update_cards, which_method
from keras_sam import methods
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


def test_every_line_of_the_packages_table_is_a_method_that_can_be_had():
    names = [one.method for one in methods.tuned()]
    assert names.count(PLAIN) == 1 and len({*names}) == len(names)
    for one in methods.tuned():
        if one.method != PLAIN:
            assert methods.get(one.method, **one.settings).name == one.method


def test_recommended_is_the_front_within_the_budget():
    every = methods.recommend()
    assert every == front(methods.tuned())
    least = every[0].price
    assert methods.recommend(least) == every[:1]
    assert methods.recommend(budget=least / 2) == []


@pytest.mark.parametrize("budget", [0, -1.0, float("nan"), "cheap", True])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(ValueError, match=r"budget must be a finite number above 0.*Received: "):
        methods.recommend(budget)


def test_the_page_is_of_this_table():
    assert which_method.PAGE.read_text(encoding="utf-8") == which_method.page(tuned())


def test_every_card_says_what_its_method_came_to():
    for name, text in update_cards.cards().items():
        written = (update_cards.CARDS / f"{name}.md").read_text(encoding="utf-8")
        assert written == text, "run `make readme`"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (row(1.1, 90), ": not told apart from SAM, for less"),
        (row(2.1, 90.5), ": not told apart from SAM"),
        (row(2.1, 92), ": above SAM"),
        (row(2.1, 88), ": below SAM"),
        (row(2.1, 90, gain_margin=11), ": no gain over SGD shows"),
        (row(2.1, 78), ": below SGD"),
    ],
)
def test_a_card_tells_no_more_than_the_intervals(own, words):
    assert update_cards.verdict(own, row(1.9, 90)) == words
    text = "# x\n\n## When it does not help\n\n- Never.\n\n## Citation\n\nx\n"
    once = update_cards.card(text, own, row(1.9, 90), row(1.0, 80, method=PLAIN))
    assert f"{words}. ## Citation" in " ".join(once.split())
    assert update_cards.card(once, own, row(1.9, 90), row(1.0, 80, method=PLAIN)) == once
