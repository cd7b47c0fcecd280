"""The built-in plugins, found by entry point like any other."""
