# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "add" ctl kvp add Mod one
fails "add what is there" ctl kvp add Mod two
is "it has its first value" "$(ctl kvp get Mod)" one
check "modify" ctl kvp modify Mod two
is "it has its second value" "$(ctl kvp get Mod)" two
refuse "modify what is not there" 1 ctl kvp modify NotThere x
check "remove" ctl kvp remove Mod
refuse "get what was removed" 1 ctl kvp get Mod
check "add again" ctl kvp add Mod three
is "it has its third value" "$(ctl kvp get Mod)" three
check "remove again" ctl kvp remove Mod
is "the pool is empty" "$(ctl kvp list | awk 'NR > 1' | wc -l)" 0
done_testing
