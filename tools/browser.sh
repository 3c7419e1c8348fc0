#!/bin/sh
# The tests of the review page drive a real Chromium; where it cannot be had they are skipped, with the reason.
set -eu
if command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; then
    exit 0
fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq chromium >/dev/null || echo "Chromium could not be installed: its tests will be skipped" >&2
fi
