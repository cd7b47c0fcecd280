"""torchaudio where it can be imported at all: whole, or without its compiled part."""

from __future__ import annotations

import importlib
import logging
import sys
from types import ModuleType
from typing import Any, NoReturn

log = logging.getLogger(__name__)

EXTENSION = "torchaudio._extension"


def torchaudio_import() -> ModuleType:
    """Return torchaudio, falling back to its Python part; call it before a library that imports it.

    torchaudio's wheel is linked against CUDA and does not load beside a torch built without it.
    Transforms, filters, functional and models work all the same; ``forced_align`` and
    ``rnnt_loss`` do not, and say so when called.

    Raises:
        ModuleNotFoundError: torchaudio is not installed.
    """
    try:
        return importlib.import_module("torchaudio")
    except ModuleNotFoundError:
        raise
    except (OSError, ImportError, RuntimeError, AttributeError) as fault:
        # a failed load leaves whichever of these it met first; all mean the compiled part
        log.info("torchaudio's compiled part does not load, using the rest: %s", fault)
        # told as text: a fault kept would keep its traceback, and all that its callers hold
        sys.modules[EXTENSION] = extension = _extension_without_library(str(fault))
    torchaudio = importlib.import_module("torchaudio")
    # a module found ready in sys.modules is not made an attribute of its package
    torchaudio._extension = extension  # type: ignore[attr-defined]
    return torchaudio


def _extension_without_library(fault: str) -> ModuleType:
    """Return a stand-in for ``torchaudio._extension`` that offers nothing compiled."""

    def fail_if_no_align(function: Any) -> Any:  # decorates functions of any signature
        def unavailable(*_: Any, **__: Any) -> NoReturn:
            raise RuntimeError(
                f"{function.__name__} needs torchaudio's compiled library, "
                f"which did not load: {fault}"
            )

        return unavailable

    extension = ModuleType(EXTENSION)
    extension.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=fail_if_no_align,
    )
    return extension
