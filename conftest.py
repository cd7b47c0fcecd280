"""What holds for all tests, before anything heavy is imported."""

import gc
import os

# tests run side by side, one in each core; networks this small gain nothing from more
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is fetched, and nothing waits for a network


def pytest_collection_finish():
    """Let collections of garbage pass by what lasts as long as the tests do."""
    gc.collect()
    gc.freeze()
