"""``muze --help`` stays quick because it imports nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch", "numpy", "scipy", "librosa", "pydantic", "yaml", "matplotlib", "transformers",
    "muze.core.registry", "muze.plugins",
)  # fmt: skip


@pytest.mark.parametrize("command", ["", "generate", "plugins"])
def test_help_imports_nothing_heavy(command):
    # typer itself takes pydantic, where there is one, to read a command's options
    heavy = [name for name in HEAVY if not command or name != "pydantic"]
    code = (
        "import sys\n"
        f"sys.argv = ['muze', *{command!r}.split(), '--help']\n"
        "from muze.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('heavy:', *(name for name in {heavy!r} if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_importing_muze_imports_nothing_heavy():
    code = f"import sys, muze; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_pytest_plugin_imports_nothing_heavy():
    code = (
        "import sys, muze.testing.pytest_plugin\n"
        "print(*(name for name in ('torch', 'numpy', 'pydantic') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
