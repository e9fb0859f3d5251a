import re

from client import errors


def test_the_tree_drawn_in_the_module_is_the_tree():
    drawn = set(re.findall(r"(?:├── |└── )(\w+)", errors.__doc__))
    real = {kind.__name__ for kind in errors.ClientError.__subclasses__()}
    assert drawn == real


def test_a_transient_says_nothing_more_than_it_was_told():
    error = errors.Transient("later")
    assert (str(error), error.retry_after_s, error.maybe_done) == ("later", None, False)
