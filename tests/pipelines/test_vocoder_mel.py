"""A vocoder hears the mel its model makes, or both are told: when planned, put together, loaded."""

import json

import numpy as np
import pytest

from muze.audio.io import resample
from muze.audio.mel import MelSettings, log_mel_array
from muze.core.errors import CheckpointError
from muze.core.mel import mel_fault
from muze.core.registry import Registry
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import save_part
from muze.pipelines.assemble import assemble
from muze.pipelines.load import open_vocoder
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.vocoder_mel import hearing, model_mel
from muze.plugins.vocoders.griffin_lim import GriffinLimVocoder
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build
from muze.plugins.vocoders.vocos import VocosVocoder
from muze.testing.sounds import chords

SPEECH = MelSettings(
    sample_rate=22050, hop_length=256, num_mels=80, f_min=0, f_max=8000, floor=1e-5
)
TOLD = (
    "the autoencoder's mel has sample_rate 32000, hop_length 320, num_mels 128, f_min 20, "
    "f_max 16000, floor 0.0001, but the vocoder hears sample_rate 22050, hop_length 256, "
    "num_mels 80, f_min 0, f_max 8000, floor 1e-05"
)
TINY = HifiGanVocoder.Config(upsample_initial_channel=16, resblock_kernel_sizes=(3,),
                             resblock_dilation_sizes=((1,),))  # fmt: skip
TINY_SPEECH = HifiGanVocoder.Config.model_validate(
    {**TINY.model_dump(), "mel": SPEECH, "upsample_rates": (8, 8, 2, 2),
     "upsample_kernel_sizes": (16, 16, 4, 4)}
)  # fmt: skip


@pytest.fixture
def parts(tmp_path):
    """Folders of an autoencoder and a HiFi-GAN of a mel each."""

    def parts(made, heard):
        shape = AutoencoderSettings(
            mel=made, latent_dim=2, channels=(4,), patch=(made.num_mels, 8), strides=()
        )
        save_part(tmp_path / "a", "autoencoder", AudioVAE(shape), shape, {})
        config = TINY if heard == MelSettings() else TINY_SPEECH
        extra = {"name": "hifigan"}
        save_part(tmp_path / "v", "vocoder", build(config), config, {}, extra=extra)
        return {"autoencoder": tmp_path / "a", "vocoder": tmp_path / "v"}

    return parts


def test_what_differs_is_told_of_both():
    assert mel_fault(MelSettings(), MelSettings()) is None
    assert mel_fault(MelSettings(), SPEECH) == TOLD
    assert mel_fault(MelSettings(floor=1e-5), MelSettings()) == (
        "the autoencoder's mel has floor 1e-05, but the vocoder hears floor 0.0001"
    )


def test_parts_of_two_mels_are_not_put_together(parts, tmp_path):
    with pytest.raises(CheckpointError) as told:
        assemble(tmp_path / "m", parts(MelSettings(), SPEECH))
    assert str(told.value) == f"{tmp_path / 'm'}: {TOLD}"
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("mel", [MelSettings(), SPEECH], ids=["muze's", "speech"])
def test_parts_of_one_mel_make_a_model_that_is_heard(parts, tmp_path, mel):
    assemble(tmp_path / "m", parts(mel, mel))
    assert model_mel(tmp_path / "m") == mel
    assert model_mel(tmp_path / "v") is None
    for name in ("hifigan", "griffin_lim"):
        vocoder = open_vocoder(name, {}, tmp_path / "m", Registry())
        assert vocoder.config.mel == mel
        made = vocoder.render(np.full((mel.num_mels, 12), -3, np.float32))
        assert made.shape == (12 * mel.hop_length,)


def test_a_model_of_two_mels_is_not_loaded(parts, tmp_path):
    folders = parts(SPEECH, SPEECH)
    assemble(tmp_path / "m", folders)
    header = json.loads((tmp_path / "m/muze.json").read_text())
    header["parts"]["autoencoder"]["settings"]["mel"] = MelSettings().model_dump()
    (tmp_path / "m/muze.json").write_text(json.dumps(header))
    with pytest.raises(CheckpointError, match="but the vocoder hears sample_rate 22050"):
        open_vocoder("hifigan", {}, tmp_path / "m", Registry())
    del header["parts"]["autoencoder"]["settings"]["mel"]["floor"]
    header["parts"]["autoencoder"]["settings"]["mel"]["hop_length"] = "long"
    (tmp_path / "m/muze.json").write_text(json.dumps(header))
    with pytest.raises(CheckpointError, match="its autoencoder has a wrong mel: hop_length"):
        model_mel(tmp_path / "m")


def test_a_vocoder_that_may_hear_any_is_told_which():
    made = SPEECH.model_dump()
    assert hearing(GriffinLimVocoder, {"num_iters": 3}, SPEECH) == {"num_iters": 3, "mel": made}
    assert hearing(GriffinLimVocoder, {"mel": made}, SPEECH) == {"mel": made}
    assert hearing(GriffinLimVocoder, {}, None) == {}
    assert hearing(VocosVocoder, {"dim": 16}, MelSettings()) == {"dim": 16}
    for cls, said in ((VocosVocoder, {}), (GriffinLimVocoder, {"mel": {"num_mels": 64}})):
        with pytest.raises(CheckpointError, match="but the vocoder hears"):
            hearing(cls, said, SPEECH)


def test_a_song_is_not_planned_for_a_model_of_two_mels(plan, faults):
    own = TINY_SPEECH.model_dump(mode="json")

    def model(mel):
        return lambda *_: ModelInfo(
            name="tiny", streams=("text",), vocoder="hifigan", vocoders={"hifigan": own}, mel=mel
        )

    assert plan("prompt: x\n", find_model=model(SPEECH)).vocoder.name == "hifigan"
    assert faults("prompt: x\n", find_model=model(MelSettings())) == [
        f"1: model: model tiny: {TOLD}"
    ]
    assert plan("prompt: x\nvocoder: {name: griffin_lim}\n", find_model=model(SPEECH))
    (told,) = faults("prompt: x\nvocoder: {name: vocos}\n", find_model=model(SPEECH))
    assert "vocos needs weights" in told


def test_griffin_lim_hears_any_mel():
    vocoder = GriffinLimVocoder(GriffinLimVocoder.Config(mel=SPEECH, num_iters=30))
    asked = log_mel_array(resample(chords(["C"], 1.0), 22050).samples[0], SPEECH)
    made = vocoder.render(asked)
    assert made.shape == (asked.shape[1] * 256,)
    assert np.abs(log_mel_array(made, SPEECH) - asked)[:, 4:-4].mean() < 0.3
