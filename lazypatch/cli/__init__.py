"""``python -m lazypatch``: the options, and the program that is run."""
