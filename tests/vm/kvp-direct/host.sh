# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a pair" ctl kvp set Direct "asked for by name"
is "GET" "$(ctl kvp get Direct --direct)" "asked for by name"
refuse "a key that is not there" 1 ctl kvp get Nothing --direct
check "remove it" ctl kvp remove Direct
done_testing
