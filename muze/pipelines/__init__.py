"""The main paths, one readable function each."""
