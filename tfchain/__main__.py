"""`python -m tfchain` is `tfchain`."""

from tfchain.cli.main import main

main()
