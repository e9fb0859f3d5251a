"""A Worker API with its storage that has the deployed server's bugs, and faults on demand."""

from tests.fakes.bad_server.bugs import Bugs, StorageSettings
from tests.fakes.bad_server.faults import Fault, FaultPlan
from tests.fakes.bad_server.items import Item
from tests.fakes.bad_server.journal import Effect, Entry, read_log
from tests.fakes.bad_server.remote import connect, launched
from tests.fakes.bad_server.server import KEY, BadServer, NewTask, Setup
from tests.fakes.bad_server.storage import StoredObject

__all__ = [
    "KEY",
    "BadServer",
    "Bugs",
    "Effect",
    "Entry",
    "Fault",
    "FaultPlan",
    "Item",
    "NewTask",
    "Setup",
    "StorageSettings",
    "StoredObject",
    "connect",
    "launched",
    "read_log",
]
