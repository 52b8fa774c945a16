"""Statistics of experiments as pure formulas, each with the paper that it is from.

- `distributions`: the distributions that the formulas need.
- `intervals`: an interval of a value.
- `proportions`: shares, their Wilson intervals, and the difference of two of them.
- `means`: means of values, and the difference of two of them by Welch.
- `sample_sizes`: how many contacts a fixed horizon needs.
- `sequential_counts`, `sequential_means`: methods that allow a look on every day.
- `corrections`: p-values of several comparisons.
- `sample_ratio`: whether arms have the contacts that their weights say.
"""
