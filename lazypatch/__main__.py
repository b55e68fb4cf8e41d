"""``python -m lazypatch``."""

if __name__ == "__main__":
    from lazypatch._cli import main

    main()
