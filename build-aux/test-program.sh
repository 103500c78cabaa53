#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs one test of "make check": a GTest program with --tap, so that the TAP driver sees every
# subtest, or a script; and ends it when it hangs, so that the others still run.
# usage: test-program.sh [--tap] TEST
flag=
[ "$1" != --tap ] || { flag=--tap; shift; }
exec timeout -k 10 "${HVIS_TEST_SECONDS:-600}" "$@" $flag
