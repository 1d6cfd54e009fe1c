"""`python -m mtls_tui` is the command `mtls-tui`."""

from mtls_tui.cli import main

if __name__ == "__main__":
    main()
