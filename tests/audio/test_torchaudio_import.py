"""torchaudio imports whole or in part, and says which part is missing."""

import subprocess
import sys
import types
import weakref

import pytest

from muze.audio import torchaudio_import as module
from muze.audio.torchaudio_import import EXTENSION, torchaudio_import


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_the_python_part_works_whatever_torch_is_installed():
    done = run(
        "import torch; from muze.audio.torchaudio_import import torchaudio_import\n"
        "torchaudio = torchaudio_import()\n"
        "assert torchaudio is torchaudio_import()\n"
        "print(torchaudio.functional.resample(torch.ones(1, 320), 32000, 16000).shape[1])"
    )
    assert done.stdout.strip() == "160", done.stderr


def test_what_needs_the_compiled_part_says_so():
    done = run(
        "import sys, types; from muze.audio import torchaudio_import as t\n"
        "extension = t._extension_without_library('no libc10_cuda.so')\n"
        "def forced_align(): ...\n"
        "try: extension.fail_if_no_align(forced_align)(1, b=2)\n"
        "except RuntimeError as fault: print(fault)"
    )
    assert "forced_align needs torchaudio's compiled library" in done.stdout, done.stderr
    assert "no libc10_cuda.so" in done.stdout


def test_an_absent_torchaudio_is_no_fallback(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(ModuleNotFoundError):
        torchaudio_import()


def test_a_failed_load_keeps_nothing_of_what_its_callers_hold(monkeypatch):
    class Song:
        pass

    def fails_once(name):
        if EXTENSION not in sys.modules:
            raise OSError("no libc10_cuda.so")
        return types.ModuleType(name)

    def render():
        song = Song()
        torchaudio_import()
        return weakref.ref(song)

    monkeypatch.setitem(sys.modules, EXTENSION, None)  # so that it is put back afterwards
    del sys.modules[EXTENSION]
    monkeypatch.setattr(module, "importlib", types.SimpleNamespace(import_module=fails_once))
    assert render()() is None


def test_importing_muze_leaves_torchaudio_alone():
    done = run("import sys, muze, muze.audio.torchaudio_import; print('torchaudio' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr
