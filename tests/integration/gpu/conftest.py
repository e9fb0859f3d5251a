"""Fake GPUs behind the real binding."""

import os

import pytest


@pytest.fixture
def control(gpus):
    return gpus


@pytest.fixture
def environ(control, library):
    return {**os.environ, **control.environ(library)}
