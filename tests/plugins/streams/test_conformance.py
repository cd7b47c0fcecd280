"""Every built-in stream passes the kit that is given to plugin authors."""

import pytest

from muze.testing import stream_checks


@stream_checks("text")
def test_text_conforms(check):
    check()


@stream_checks("genre")
def test_genre_conforms(check):
    check()


@stream_checks("section")
def test_section_conforms(check):
    check()


@stream_checks("position")
def test_position_conforms(check):
    check()


@stream_checks("energy")
def test_energy_conforms(check):
    check()


@stream_checks("tempo")
def test_tempo_conforms(check):
    check()


@stream_checks("key")
def test_key_conforms(check):
    check()


@stream_checks("loudness")
def test_loudness_conforms(check):
    check()


@stream_checks("beat")
def test_beat_conforms(check):
    check()


@stream_checks("chord")
def test_chord_conforms(check):
    check()


WIDTHS = {
    "section": 128, "position": 128, "energy": 64, "tempo": 64, "key": 64, "text": 512,
    "loudness": 64, "genre": 64, "beat": 64, "chord": 64,
}  # fmt: skip


@pytest.mark.parametrize("name", WIDTHS)
def test_a_stream_gives_the_vector_width_of_the_specification(name, muze_registry):
    stream = muze_registry.get("stream", name)
    assert stream(stream.Config()).injects()["vector"] == WIDTHS[name]
