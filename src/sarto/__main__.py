"""`python -m sarto` is the command line."""

from sarto.cli import main

if __name__ == "__main__":
    main()
