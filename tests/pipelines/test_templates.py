from hypothesis import given
from hypothesis import strategies as st

from muze.core.grid import SECTION_TYPES
from muze.pipelines.templates import BARS, ENERGY, TEMPLATES, fit_template

names = st.sampled_from(sorted(TEMPLATES))


def test_the_templates_are_those_of_the_format():
    assert set(TEMPLATES) == {"verse_chorus", "aaba", "build_drop", "through_composed", "loop"}
    assert set(BARS) == set(ENERGY) == set(SECTION_TYPES)


@given(names, st.integers(1, 3000), st.integers(0, 2**31))
def test_a_template_fills_any_number_of_bars_exactly(name, num_bars, seed):
    parts = fit_template(name, num_bars, seed)
    assert sum(part.bars for part in parts) == num_bars
    assert all(part.bars >= 1 and 0 <= part.energy <= 1 for part in parts)
    assert all(part.type in SECTION_TYPES for part in parts)


@given(names, st.integers(32, 600))
def test_sections_of_a_longer_song_are_even_but_for_the_last(name, num_bars):
    assert all(part.bars % 2 == 0 for part in fit_template(name, num_bars, 0)[:-1])


@given(names, st.integers(1, 400), st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_form(name, num_bars, seed):
    assert fit_template(name, num_bars, seed) == fit_template(name, num_bars, seed)


def test_half_a_minute_of_verse_chorus_is_the_specification_s_form():
    parts = fit_template("verse_chorus", 15, 7)
    assert [part.type for part in parts] == ["intro", "verse", "chorus", "verse", "outro"]


def test_a_drop_follows_its_buildup():
    types = [part.type for part in fit_template("build_drop", 64, 0)]
    assert all(types[i + 1] == "drop" for i, kind in enumerate(types) if kind == "buildup")


def test_another_seed_gives_other_energies():
    assert fit_template("aaba", 32, 1) != fit_template("aaba", 32, 2)
