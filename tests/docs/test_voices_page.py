"""docs/voices.md is true: its songs and its consent are read, its commands and options exist."""

import re
import shlex
from datetime import date
from pathlib import Path

import pytest
import typer.main
import yaml

import muze
from muze.cli import app
from muze.manifest.read import OPTIONS
from muze.manifest.song import Voice
from muze.voice.consent import read_consent
from muze.voice.quality import SHORT, SHORTEST, SNR

PAGE = (Path(muze.__file__).parent.parent / "docs/voices.md").read_text(encoding="utf-8")
SONGS = re.findall(r"^```yaml\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)
COMMANDS = re.findall(r"^    (muze .*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("song", SONGS)
def test_what_a_song_says_is_read(song):
    assert Voice.model_validate(yaml.safe_load(song)["voice"]).lyrics


def test_the_consent_is_one(tmp_path):
    (text,) = re.findall(r"^```yaml consent.yaml\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)
    (tmp_path / "consent.yaml").write_text(text, encoding="utf-8")
    consent = read_consent(tmp_path / "consent.yaml", [], date(2026, 6, 1))
    assert consent.speaker == "Zoë Example"
    assert len(text.splitlines()) == 6  # all six must be said


def options(command):
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("told", COMMANDS)
def test_its_commands_are_commands(told):
    _, *words = shlex.split(told)
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert {word for word in words if word.startswith("--")} <= options(command)


def test_its_options_are_options():
    commands = typer.main.get_command(app).commands
    known = options(commands["generate"]).union(
        *(options(command) for command in commands["voices"].commands.values())
    )
    told = set(re.findall(r"`(--[\w-]+)", PAGE))
    assert told <= known, told - known
    assert {name for name in told if "voice-" in name} == {n for n in OPTIONS if "voice-" in n}


def test_its_figures_are_those_of_the_code():
    assert f"shorter than {SHORT:g} s (less than {SHORTEST:g} s" in PAGE
    assert f"noise is less than {SNR:g} dB below the voice" in PAGE
