"""``python -m lazypatch``."""

if __name__ == "__main__":
    from lazypatch.cli.main import main

    main()
