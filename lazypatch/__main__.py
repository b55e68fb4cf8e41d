"""``python -m lazypatch``: the runner; with ``--info`` or ``--check``, that command."""

if __name__ == "__main__":
    import sys

    if sys.argv[1:2] in (["--info"], ["--check"]):
        from lazypatch.cli.command import main as command

        command([sys.argv[1][2:], *sys.argv[2:]])
    else:
        from lazypatch.cli.main import main

        main()
