import pytest


def test_all_faults_are_told_at_once_with_line_key_and_nearest_name(write, faults_of):
    assert faults_of(
        write("""muze: 1
prompt: hello
promt: again
duration: 0
tempo: fast
key: H minor
time_signature: 4/5
structure:
  sections:
    - {type: vers, bars: 4}
    - {type: chorus, bars: 0}
    - type: chorus
      bars: 4
      enrgy: 0.5
sampler: {steps: 0}
output: {loudnes: -14}
""")
    ) == [
        "3: promt: unknown key; did you mean 'prompt'?",
        "4: duration: must be greater than or equal to 1, not 0",
        "5: tempo: must be a number, not 'fast'; or a list",
        "6: key: unknown key 'H minor'; write it like A minor or F# dorian; "
        "tonics are A to G with # or b",
        "7: time_signature: '4/5' is no time signature; write it like 4/4, 3/4 or 6/8",
        "10: structure.sections.0.type: must be 'intro', 'verse', 'pre_chorus', 'chorus', "
        "'post_chorus', 'bridge', 'instrumental', 'solo', 'breakdown', 'buildup', 'drop', 'outro' "
        "or 'unknown', not 'vers'; did you mean 'verse'?",
        "11: structure.sections.1.bars: must be greater than or equal to 1, not 0",
        "14: structure.sections.2.enrgy: unknown key; did you mean 'energy'?",
        "15: sampler.steps: must be greater than or equal to 1, not 0",
        "16: output.loudnes: unknown key; did you mean 'loudness'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prompt: x", "1: muze: is required and not given"),
        ("muze: 2\nprompt: x", "1: muze: must be 1, not 2"),
        ("muze: 1\nprompt: ''", "2: prompt: must not be empty"),
        ("muze: 1\nprompt: 808", "2: prompt: must be a string, not 808; put it in quotes"),
        ("muze: 1\nprompt: x\nduration: true", "3: duration: must be a number, not true"),
        ("muze: 1\nprompt: x\nduration: .nan", "3: duration: must be a number, not '.nan'"),
        ("muze: 1\nprompt: x\nseed: 1.5", "3: seed: must be an integer, not 1.5"),
        ("muze: 1\nprompt: x\nseed: -1", "3: seed: must be greater than or equal to 0, not -1"),
        ("muze: 1\nprompt: x\ntempo: []", "3: tempo: must have at least 1 item, not 0"),
        ("muze: '1'\nprompt: x", "1: muze: must be 1, not '1'"),
        ("muze: true\nprompt: x", "1: muze: must be 1, not true"),
        ("muze: 1.0\nprompt: x", "1: muze: must be 1, not 1.0"),
        (
            "muze: 1\nprompt: x\ntime_signature: \u00b2/4",
            "3: time_signature: '\u00b2/4' is no time signature; write it like 4/4, 3/4 or 6/8",
        ),
        ("muze: 1\nseed: 1", "1: prompt: is required and not given"),
        (
            "muze: 1\nprompt: x\nguidance: {all: 101}",
            "3: guidance.all: must be less than or equal to 100, not 101",
        ),
        (
            "muze: 1\nprompt: x\nguidance: {chord: -1}",
            "3: guidance.chord: must be greater than or equal to 0, not -1",
        ),
        (
            "muze: 1\nprompt: x\nguidance: {all: 1e999}",
            "3: guidance.all: must be a finite number, not inf",
        ),
        (
            "muze: 1\nprompt: x\nstreams: {text: y}",
            "2: prompt: is the short form of streams.text, also given; keep one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure:\n  sections:\n"
            "  - {type: solo, bars: 2, prompt: y, streams: {text: z}}",
            "5: structure.sections.0.prompt: is the short form of streams.text, also given; "
            "keep one of them",
        ),
        ("muze: 1\nprompt: x\nsampler: ddim", "3: sampler: must be a mapping, not 'ddim'"),
        (
            "muze: 1\nprompt: x\ntempo: [{bar: 2, bpm: 90}]",
            "3: tempo.0.bar: the first tempo must start at bar 1",
        ),
        (
            "muze: 1\nprompt: x\ntempo:\n- {bar: 1, bpm: 90}\n- {bar: 1, bpm: 9}",
            "5: tempo.1.bpm: must be greater than or equal to 20, not 9",
        ),
        (
            "muze: 1\nprompt: x\ntempo:\n- {bar: 1, bpm: 90}\n- {bar: 1, bpm: 99}",
            "5: tempo.1.bar: must come after bar 1",
        ),
        (
            "muze: 1\nprompt: x\nstructure: {}",
            "3: structure: give a template or sections, one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure: {template: loop, sections: [{type: solo, bars: 1}]}",
            "3: structure: give a template or sections, one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure: {sections: [{type: solo}]}",
            "3: structure.sections.0: give its length as bars or as seconds, one of them",
        ),
        (
            "muze: 1\nprompt: x\ntempo: 90\nstreams: {tempo: 100}",
            "3: tempo: is the short form of streams.tempo, also given; keep one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure:\n  sections:\n"
            "  - {type: solo, bars: 2, energy: 1, streams: {energy: 1}}",
            "5: structure.sections.0.energy: is the short form of streams.energy, also given; "
            "keep one of them",
        ),
        (
            "muze: 1\nprompt: x\nstreams: {f0: {from: hum.wav, octave: 1}}",
            "3: streams.f0.octave: a stream taken from a recording has no other keys",
        ),
        (
            "muze: 1\nprompt: x\nstreams: {f0: {from: 3}}",
            "3: streams.f0.from: must be the path of a recording",
        ),
        ("- muze: 1", "1: must be a mapping, like `prompt: warm lo-fi house`"),
        ("just words", "1: must be a mapping, like `prompt: warm lo-fi house`"),
    ],
)
def test_each_fault_has_its_line(write, text, told, faults_of):
    found = faults_of(write(text))
    assert told in found


def test_what_may_take_several_forms_is_told_once_with_them(write, faults_of):
    assert faults_of(write("muze: 1\nprompt: x\ntempo: {from: ok.wav}\n")) == [
        "3: tempo: must be a number, not a mapping; or a list"
    ]
