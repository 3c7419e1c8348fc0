"""Settings shared by all tests."""

from __future__ import annotations

import os

# Fresh processes that tests start must find the helpers beside this file too.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
