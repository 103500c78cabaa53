# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a string" ctl kvp set T1 text --type string
is "is the string" "$(in_guest pool_get 0 T1)" text
check "32 bits" ctl kvp set T2 4294967295 --type u32
is "are a decimal number" "$(in_guest pool_get 0 T2)" 4294967295
check "64 bits as Linux numbers them" ctl kvp set T3 18446744073709551615 --type u64-linux
is "are a decimal number" "$(in_guest pool_get 0 T3)" 18446744073709551615
refuse "a number too large" 2 ctl kvp set T4 4294967296 --type u32
refuse "a type that is none" 2 ctl kvp set T5 1 --type float
for key in T1 T2 T3; do
	check "remove $key" ctl kvp remove $key
done
done_testing
