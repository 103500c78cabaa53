#!/bin/sh
# Runs a GTest program so that the TAP driver sees every subtest. Called by "make check" only.
# usage: test-program.sh --tap PROGRAM
flag=$1; shift
exec "$@" "$flag"
