"""Built-in voice backends."""
