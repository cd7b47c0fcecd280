"""Built-in source separators."""
