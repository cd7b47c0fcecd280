"""Built-in vocoders."""
