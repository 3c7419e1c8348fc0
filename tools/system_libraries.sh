#!/bin/sh
# OpenCV's wheel needs two libraries that small Debian and Ubuntu images lack.
set -eu
present() { ldconfig -p 2>/dev/null | grep -q "$1"; }
if ! command -v ldconfig >/dev/null 2>&1 || { present libGL.so.1 && present libgthread-2.0.so.0; }; then
    exit 0
fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq libgl1 libglib2.0-0
else
    echo "libGL.so.1 or libgthread-2.0.so.0 is missing: install them (Debian: apt-get install libgl1 libglib2.0-0)" >&2
    exit 1
fi
