"""What happened: the readers of the journal, the three forms of the report, and strict mode.

The folder is not called ``report``: importing it would put a module in the place of the function ``lazypatch.report``.
"""
