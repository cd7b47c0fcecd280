"""Built-in conditioning streams."""
