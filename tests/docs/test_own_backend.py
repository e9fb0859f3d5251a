"""The backend in docs/develop.md works as it stands there."""

import shutil
import sys

import pytest
import yaml

from inference.backend import CancelToken, Request
from inference.registry import backend_class
from tests.checker.playable import why_not_playable
from tests.docs.pages import ROOT, page


def silent(done, total):
    pass


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The class in the page, and the config that goes with it."""
    (source,) = page("docs/develop.md").blocks("python")
    (config,) = page("docs/develop.md").blocks("yaml")
    (tmp_path / "my_models.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    settings = yaml.safe_load(config)
    yield backend_class(settings["backend"]), settings["backend_options"]
    sys.modules.pop("my_models")


def test_the_example_makes_a_video_of_a_photo(example, tmp_path):
    kind, options = example
    photo = shutil.copy(ROOT / "tests" / "photos" / "coffee.jpg", tmp_path / "photo")
    backend = kind(options)
    backend.load(silent)
    prepared = backend.prepare(Request("item", photo, "", 25, None, 1))
    clip = backend.infer(prepared, silent, CancelToken())
    video = backend.encode(clip, tmp_path / "video.mp4", silent, CancelToken())
    assert video.frames == 25
    assert why_not_playable(video.path.read_bytes()) is None


def test_the_example_is_as_short_as_is_said():
    (source,) = page("docs/develop.md").blocks("python")
    code = [line for line in source.splitlines() if line.strip()]
    assert len(code) <= 42
