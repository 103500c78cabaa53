#!/bin/sh
# Makes ./configure from a fresh checkout. Run it once; make regenerates by itself afterwards.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force
