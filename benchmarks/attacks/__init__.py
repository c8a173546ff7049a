"""The attacks of `benchmarks/faults.py`: four kinds of cases, each with its own way to draw them.

`kills`, `nans`, `inputs` and `files` have a class `Cases` each, which runs numbered cases in
`children` of one process and says what became of each; `log` keeps that. What they draw from is in
`scenarios`, `targets` with `values`, and `readers` with `artefacts` and `mutations`; `tiny` has the
networks and data, `training` the steps.
"""
