"""Scenes that several tests of the data room look at; rendered once."""

from __future__ import annotations

import pytest

from sfumato.data.dusk_room import DuskRoom
from sfumato.data.scene import SceneTruth


@pytest.fixture(scope="session")
def room() -> DuskRoom:
    return DuskRoom(size=(150, 240))


@pytest.fixture(scope="session")
def truth(room: DuskRoom) -> SceneTruth:
    return room.render()
