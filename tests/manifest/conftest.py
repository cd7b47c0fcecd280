import pytest

from muze.core.errors import ManifestError
from muze.manifest import read_song


@pytest.fixture
def write(tmp_path):
    def write(text, name="song.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def faults_of():
    """Return what is told of a manifest, line by line and without its path."""

    def faults_of(path):
        with pytest.raises(ManifestError) as told:
            read_song(path)
        return str(told.value).replace(f"{path}:", "").splitlines()

    return faults_of
