def test_models_are_shown_from_their_folder(run, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "has no muze.json" in run("models", "info", "mine").stderr
    (tmp_path / "mine" / "muze.json").write_text('{"muze_model": 1}')
    (tmp_path / "mine" / "README.md").write_text("# My model")
    told = run("models", "info", "mine").stdout
    assert '"muze_model": 1' in told
    assert "# My model" in told
    done = run("models", "info", "nobody")
    assert done.exit_code == 1
    assert "not installed" in done.stderr
    assert run("models", "list").exit_code == 0


def test_a_model_is_not_assembled_of_nothing(run, tmp_path):
    done = run("models", "assemble", tmp_path / "m")
    assert done.exit_code == 2
    assert "give at least one of --autoencoder, --denoiser and --vocoder" in done.stderr
    assert list(tmp_path.iterdir()) == []
