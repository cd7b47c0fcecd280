import pytest


def test_faults_of_the_file_and_of_the_plan_are_told_at_once(faults, tmp_path):
    assert faults(
        """prompt: x
promt: y
structure: {template: verse_chrous}
streams:
  chrod: [Am]
  chord:
    progression: [Am, H]
  genre: polka
  energy: {value: 3}
guidance: {all: 4, cord: 2}
sampler: {name: ddmi}
vocoder: {name: vocos, dimension: 3}
voice: {backend: kokoro}
output: {path: song.wave}
"""
    ) == [
        "3: promt: unknown key; did you mean 'prompt'?",
        "4: structure.template: there is no template 'verse_chrous'; did you mean 'verse_chorus'?",
        "6: streams.chrod: stream 'chrod' is not installed; did you mean 'chord'?",
        "8: streams.chord.progression.1: unknown chord 'H'; write it like C, Am7, F#m7b5, G/B or N",
        "9: streams.genre: unknown genre 'polka'; did you mean 'folk'?",
        "10: streams.energy.value: must be less than or equal to 1, not 3",
        "11: guidance.cord: stream 'cord' is not installed; did you mean 'chord'?",
        "12: sampler.name: sampler 'ddmi' is not installed; did you mean 'ddpm'?",
        "13: vocoder.dimension: unknown key; did you mean 'dim'?",
        "14: voice.lyrics: is required: the singer has no words",
        f"15: output.path: {tmp_path / 'song.wave'}: cannot write .wave; "
        "end its name in .wav, .flac, .ogg, .mp3; did you mean '.wav'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "prompt: x\nduration: 10\nstructure: {sections: [{type: solo, bars: 8}]}\ntempo: 120",
            "3: duration: says 10 s, but the sections take 16.00 s (8 bars); "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\nduration: 30\nbars: 4\ntempo: 120",
            "3: duration: says 30 s, but 4 bars take 8.00 s (4 bars); "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\nbars: 9\nstructure: {sections: [{type: solo, bars: 8}]}",
            "3: bars: says 9, but the sections take 8 bars",
        ),
        (
            "prompt: x\nduration: 60\nstructure: {sections: [{type: solo, seconds: 30}]}\n"
            "tempo: 120",
            "3: duration: says 60 s, but the sections take 30.00 s (15 bars); "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\ntempo: 60\nstructure:\n  sections:\n  - {type: solo, seconds: 1}\n"
            "  - {type: solo, bars: 2}",
            "6: structure.sections.0.seconds: 1 s leaves it without a bar line; a bar lasts 4.00 s",
        ),
        (
            "prompt: x\ntempo: [{bar: 1, bpm: 100}, {bar: 99, bpm: 90}]\nbars: 8",
            "3: tempo.1: changes at bar 99, but the song has 8 bars",
        ),
        ("prompt: x\nbars: 9000\ntempo: 120", "3: bars: 9000 bars take 18000.00 s; a song lasts"),
        ("prompt: x at 900 bpm", "2: prompt: 900 bpm is no tempo; it must be 20 to 400"),
        (
            "prompt: x\nstructure: {sections: [{type: solo, bars: 2, streams: {loudness: -9}}]}",
            "3: structure.sections.0.streams.loudness: loudness holds for the whole song; "
            "say it there",
        ),
        (
            "prompt: x\nstreams: {beat: {positions: [0, 0.5, 1, 1.5, 2]}}\ntempo: 120",
            "3: streams.beat: positions already say the tempo; leave one of them out",
        ),
        (
            "prompt: x\noutput: {path: ../out.wav}",
            "leaves the folder",
        ),
        ("prompt: x\noutput: {path: gone/out.wav}", "there is no folder"),
        ("prompt: x\nstreams: {ddim: 3}", "3: streams.ddim: plugin ddim"),
        (
            "prompt: x\nstreams: {chord: }",
            "3: streams.chord: is empty; give its values, or take it out",
        ),
        (
            "prompt: x\nsampler: {name: dpmpp, eta: 0.5}",
            "3: sampler.eta: unknown key; known are name, steps",
        ),
        (
            "prompt: x\nstreams: {text: {form: hum.wav}, chord: {form: hum.wav}}",
            "3: streams.chord.form: unknown key; did you mean 'from'?",
        ),
        (
            "prompt: x\nnegative_prompt: y\nguidance: {all: 1}",
            "3: negative_prompt: leads away from nothing where guidance.all is 1; raise that above "
            "1, or leave this out",
        ),
        (
            "prompt: x\nnegative_prompt: y\nguidance: {all: 0.5}",
            "3: negative_prompt: leads away from nothing where guidance.all is 0.5; raise",
        ),
        (
            "prompt: x\nguidance: {genre: 2}",
            "3: guidance.genre: this song says nothing of genre; say it under streams, or leave "
            "this out",
        ),
        (
            "prompt: x\noutput: {stems: true}",
            "3: output.stems: no model has stems, and nobody sings; take it out",
        ),
        (
            "prompt: x\noutput: {loudness: -14}\nstreams: {loudness: -30}",
            "3: output.loudness: says -14 LUFS, but streams.loudness asks for -30.0; "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\nstreams: {loudness: -60}",
            "3: streams.loudness: asks for -60 LUFS; a file may have -50 to -5",
        ),
        (
            "prompt: x\nstreams: {energy: true}",
            "3: streams.energy: must be a number, not true",
        ),
        ("prompt: x\nstreams: {energy: '0.5'}", "must be a number, not '0.5'"),
        ("prompt: x\nstreams: {tempo: '120'}", "3: streams.tempo: must be a number, not '120'"),
        ("prompt: x\nstreams: {loudness: -1e999}", "must be a finite number, not -inf"),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: true}}",
            "3: streams.chord.beats_per_chord: must be a number, not true",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: '4'}}",
            "3: streams.chord.beats_per_chord: must be a number, not '4'",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: 1e999}}",
            "3: streams.chord.beats_per_chord: must be a finite number, not inf",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: 0.00000001}}",
            "3: streams.chord.beats_per_chord: must be greater than or equal to 0.0625, not 1e-08",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: 1025}}",
            "3: streams.chord.beats_per_chord: must be less than or equal to 1024, not 1025",
        ),
        ("prompt: x\nvocoder: {name: griffin_lim, num_iters: '9'}", "must be an integer, not '9'"),
        (
            "prompt: x\nstreams: {beat: {positions: [0, 1e999]}}",
            "3: streams.beat.positions.1: must be a finite number, not inf",
        ),
        (
            "prompt: x\nstreams: {beat: {positions: [0, 100, 200]}}",
            "3: streams.beat.positions: from 0 to 100 s is no beat; beats rise by 0.15 to 3 s",
        ),
        (
            "prompt: x\nstructure: {sections: [{type: solo, bars: 2, "
            "streams: {beat: {positions: [0, 0.5, 1]}}}]}",
            "3: structure.sections.0.streams.beat: beat holds for the whole song; say it there",
        ),
        (
            'prompt: x\noutput: {path: "a\\0b.wav"}',
            r"3: output.path: 'a\x00b.wav' holds a character that no file's name has",
        ),
        (f"prompt: x\noutput: {{path: {'a' * 300}.wav}}", "wav: its name is 74 letters too long"),
        # its .adherence.json would be too long
        (f"prompt: x\noutput: {{path: {'a' * 230}.wav}}", "wav: its name is 4 letters too long"),
        (f"prompt: x\noutput: {{path: {'a/' * 3000}a.wav}}", "wav: there is no folder"),
    ],
)
def test_each_impossible_wish_is_told(faults, text, told):
    assert any(told in line for line in faults(text))


def test_a_tempo_map_out_of_order_is_told_once(faults):
    assert faults("prompt: x\ntempo:\n- {bar: 1, bpm: 90}\n- {bar: 1, bpm: 99}\n") == [
        "5: tempo.1.bar: must come after bar 1"
    ]


def test_a_prompt_longer_than_the_language_model_reads_is_a_fault(faults):
    assert faults(f"prompt: {'dog ' * 300}\nnegative_prompt: {'cat ' * 300}\n") == [
        "2: prompt: a prompt of 302 word pieces; MiniLM reads 256 at most, so shorten it",
        "3: negative_prompt: a prompt of 302 word pieces; MiniLM reads 256 at most, so shorten it",
    ]
