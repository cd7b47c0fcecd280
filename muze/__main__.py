"""Runs the command line as ``python -m muze``."""

from muze.cli import main

main()
