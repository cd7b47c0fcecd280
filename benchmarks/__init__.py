"""What muze is measured with: each script prints a Markdown table, and JSON with ``--json``."""
