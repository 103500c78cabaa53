# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
key=$(printf 'k%.0s' $(seq 253))
value=$(printf 'v%.0s' $(seq 1021))
check "250 records and one as large as can be" in_guest "rm -f /tmp/pool; pool_file() { echo /tmp/pool; }
	for i in $(seq -s ' ' 1 250); do pool_append 1 Key\$i Value\$i; done
	pool_append 1 $key $value; cat /tmp/pool >>/var/lib/hyperv/.kvp_pool_1"
# shellcheck disable=SC2094
ctl kvp list --pool guest --timeout 120 >list
is "251 records" "$(awk 'NR > 1' list | wc -l)" 251
for ((i = 1; i <= 250; i++)); do
	echo "Key$i Value$i"
done >wanted
is "all of them, in order" "$(awk 'NR > 1 { print $1, $NF }' list | head -n 250 | diff -q - wanted >/dev/null && echo same)" same
is "the largest is whole" "$(ctl kvp get "$key" --pool guest --timeout 120)" "$value"
is "there are still 251" "$(in_guest "pool_count 1")" 251
check "leave nothing" guest ": >/var/lib/hyperv/.kvp_pool_1"
done_testing
