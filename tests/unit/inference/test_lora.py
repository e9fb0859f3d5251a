"""Where a LoRA is found."""

import pytest

from inference.wan.lora import HubFile, on_the_hub


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("o/n/a.safetensors", HubFile("o/n", "a.safetensors", None)),
        ("o/n/deep/er/a.safetensors", HubFile("o/n", "deep/er/a.safetensors", None)),
        ("o/n@v1.2/deep/a.safetensors", HubFile("o/n", "deep/a.safetensors", "v1.2")),
        ("o/n@v1/x@y.safetensors", HubFile("o/n", "x@y.safetensors", "v1")),
        ("o/n@/a.safetensors", None),
        ("/abs/o/n/a.safetensors", None),
        ("a.safetensors", None),
        ("o/n/a.bin", None),
    ],
)
def test_a_file_on_the_hub_may_name_its_revision(written, found):
    assert on_the_hub(written) == found
