"""How much memory a whole ``muze generate`` takes."""

import subprocess
import sys

import pytest

# the peak of the process itself; the resource module would count what pytest took before the fork
RUN = """
import sys
from muze.cli import app

app(sys.argv[1:], standalone_mode=False)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_five_minutes_take_at_most_a_third_more_than_half_a_minute(model, tmp_path):
    peak_mb = {}
    for duration in (30, 300):
        said = {
            "--model": model, "--duration": duration, "--output": tmp_path / "song.wav",
            "--sampler": "ddim", "--num-steps": 2, "--seed": 1, "--device": "cpu",
        }  # fmt: skip
        options = [str(word) for option in said.items() for word in option]
        command = [sys.executable, "-c", RUN, "generate", "calm piano", "--quiet", *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        peak_mb[duration] = int(done.stdout.split()[-1]) / 1024
    assert peak_mb[300] <= 1.3 * peak_mb[30]
    assert peak_mb[300] <= 2000
