"""How well m-sharpness ranks trained models by their generalisation gap, for each m."""

from keras_sam.checks import import_extra

KEY = "m_sharpness_{}"  # Among the numbers of a model.


def correlations(numbers: list[dict[str, float]], sizes: list[int]) -> dict[int, float]:
    """Kendall's tau-b of m-sharpness and gap over models, for each m.

    Args:
        numbers: List of dictionaries, the numbers of each model.
        sizes: List of positive integers, the m.

    Returns:
        Dictionary from m to a float; not a number where all models have the same gap.

    Example:

    >>> from keras_sam.experiments.sharpness import ranking
    >>> models = [{"gap": gap, "m_sharpness_8": gap**2} for gap in (1.0, 3.0, 2.0)]
    >>> ranking.correlations(models, [8])
    {8: 1.0}
    """
    kendall = import_extra("scipy.stats", "SciPy", "sharpness").kendalltau
    gaps = [each["gap"] for each in numbers]
    return {
        m: float(kendall([each[KEY.format(m)] for each in numbers], gaps).statistic) for m in sizes
    }


def described(found: dict[int, float], models: int) -> str:
    """The correlations in a line."""
    shown = ", ".join(f"m {m}: {tau:.2f}" for m, tau in found.items())
    return f"Kendall's τ of m-sharpness and gap over {models} models: {shown}."
