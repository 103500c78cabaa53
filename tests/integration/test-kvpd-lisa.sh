#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the image tests of Azure (LISA, LISAv2, lis-test) ask of the daemon, by their names, on link
# mode. Needs no root.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"

link_start
daemon_start
check "the host sees the service" ready

# --- LISA Kvp.verify_kvp ---

is "LISA Kvp.verify_kvp: one process of that name" "$(cat "/proc/$daemon_pid/comm")" hv_kvp_daemon
is "LISA Kvp.verify_kvp: no child of it" "$(grep -sl "^PPid:[[:space:]]*$daemon_pid$" /proc/[0-9]*/status | wc -l)" 0
is "LISA Kvp.verify_kvp: five pool files, 0644" \
	"$(stat -c %a "$scratch"/pools/.kvp_pool_* | xargs)" "644 644 644 644 644"
like "LISA Kvp.verify_kvp: its device is open" "$(ls -l "/proc/$daemon_pid/fd")" "*socket:*"
for i in $(seq 11); do
	ctl kvp set "Parameter$i" "value $i" --pool auto-external || break
done
is "LISA Kvp.verify_kvp: 11 records in pool 3" "$(pool_count 3)" 11
# has_open N: so many descriptors; who has hung up may not have been seen off yet
has_open()
{
	[ "$(find "/proc/$daemon_pid/fd" -mindepth 1 | wc -l)" = "$1" ]
}
before=$(find "/proc/$daemon_pid/fd" -mindepth 1 | wc -l)
for i in $(seq 20); do
	if ! ctl kvp list >/dev/null || ! call List >/dev/null; then
		break
	fi
done
check "LISA Kvp.verify_kvp: no descriptor leaks" wait_for 60 has_open "$before"

# --- KVP-INTRINSIC ---

is "KVP-INTRINSIC: ten keys in their order" "$(keys auto | xargs)" \
	"FullyQualifiedDomainName IntegrationServicesVersion NetworkAddressIPv4 NetworkAddressIPv6\
 OSBuildNumber OSName OSMajorVersion OSMinorVersion OSVersion ProcessorArchitecture"
is "KVP-INTRINSIC: OSBuildNumber" "$(ctl kvp get OSBuildNumber --pool auto)" "$(uname -r)"
is "KVP-INTRINSIC: ProcessorArchitecture" "$(ctl kvp get ProcessorArchitecture --pool auto)" "$(uname -m)"
is "KVP-INTRINSIC: IntegrationServicesVersion" "$(ctl kvp get IntegrationServicesVersion --pool auto)" 3.1
is "KVP-INTRINSIC: OSName" "$(ctl kvp get OSName --pool auto)" \
	"$(if [ -e /etc/os-release ]; then . /etc/os-release; fi; echo "${NAME:-Linux}")"
like "KVP-INTRINSIC: FullyQualifiedDomainName" "$(ctl kvp get FullyQualifiedDomainName --pool auto)" "?*"

# --- KVP-KEY-VALUES-OPERATIONS, KVP-PUSH-KEY-VALUES ---

for pool in external auto-external auto-internal; do
	check "KVP-KEY-VALUES-OPERATIONS: add in $pool" ctl kvp add Key one --pool $pool
	is "KVP-KEY-VALUES-OPERATIONS: get in $pool" "$(ctl kvp get Key --pool $pool)" one
	check "KVP-KEY-VALUES-OPERATIONS: modify in $pool" ctl kvp modify Key two --pool $pool
	is "KVP-KEY-VALUES-OPERATIONS: modified in $pool" "$(ctl kvp get Key --pool $pool)" two
	check "KVP-KEY-VALUES-OPERATIONS: remove in $pool" ctl kvp remove Key --pool $pool
	refuse "KVP-KEY-VALUES-OPERATIONS: removed from $pool" 1 ctl kvp get Key --pool $pool
done
check "KVP-PUSH-KEY-VALUES: the host pushes" ctl kvp set Pushed "grüße 𝄞"
is "KVP-PUSH-KEY-VALUES: the file has it" "$(pool_get 0 Pushed)" "grüße 𝄞"
like "KVP-PUSH-KEY-VALUES: the socket has it" "$(call Get '{"key":"Pushed"}')" '*"value":*"grüße 𝄞"*'
pool_append 1 FromGuest "in a file"
is "KVP-PUSH-KEY-VALUES: the guest's file reaches the host" "$(ctl kvp get FromGuest --pool guest)" "in a file"
like "KVP-PUSH-KEY-VALUES: set by the socket" "$(call Set '{"key":"BySocket","value":"v"}')" '*"replaced":*false*'
is "KVP-PUSH-KEY-VALUES: the host reads it" "$(ctl kvp get BySocket --pool guest)" v
check "KVP-PUSH-KEY-VALUES: the host takes it away" ctl kvp remove BySocket --pool guest

# --- KVP-DELETE-NON-EXIST-KVP-ON-GUEST, KVP-MODIFY-NON-EXIST-KVP-ON-GUEST ---

sums=$(cat "$scratch"/pools/.kvp_pool_* | cksum)
refuse "KVP-DELETE-NON-EXIST-KVP-ON-GUEST: an error" 1 ctl kvp remove NeverThere
refuse "KVP-DELETE-NON-EXIST-KVP-ON-GUEST: an error in an empty pool" 1 ctl kvp remove NeverThere --pool 4
refuse "KVP-MODIFY-NON-EXIST-KVP-ON-GUEST: an error" 1 ctl kvp modify NeverThere value
is "KVP-DELETE-NON-EXIST-KVP-ON-GUEST: no damage" "$(cat "$scratch"/pools/.kvp_pool_* | cksum)" "$sums"

# --- what a host may not do ---

fails "the auto pool is not the host's to write" ctl kvp set OSName Windows --pool auto
fails "nor the guest's pool" ctl kvp set FromGuest changed --pool guest
fails "there is no pool 5" ctl kvp set Key value --pool 5
is "and nothing came of it" "$(cat "$scratch"/pools/.kvp_pool_* | cksum)" "$sums"

# --- KVP-MAX-READ ---

"$tool" append flock "$(pool_file 1)" Max 500 >/dev/null &
wait $!
is "KVP-MAX-READ: 501 records, in order" "$(keys guest | cksum)" \
	"$({ echo FromGuest; seq -f 'Max%g' 0 499; } | cksum)"
key=$(printf 'k%.0s' $(seq 254))
value=$(printf 'v%.0s' $(seq 1022))
check "KVP-MAX-READ: the longest key and value, from the host" ctl kvp set "$key" "$value"
is "KVP-MAX-READ: are whole in the file" "$(pool_get 0 "$key")" "$value"
is "KVP-MAX-READ: and for the host" "$(ctl kvp get "$key")" "$value"
like "KVP-MAX-READ: one more is refused" "$(call Set "{\"key\":\"x$key\",\"value\":\"\"}")" '*Kvp.Invalid*255 UTF-16 units*254*'
like "KVP-MAX-READ: in a value too" "$(call Set "{\"key\":\"k\",\"value\":\"x$value\"}")" '*Kvp.Invalid*1023 UTF-16 units*1022*'

# --- KVP-TEST-RESCIND ---

for round in 1 2 3; do
	check "KVP-TEST-RESCIND: disable ($round)" ctl service disable kvp
	check "KVP-TEST-RESCIND: the daemon waits ($round)" wait_for 60 in_state waiting
	fails "KVP-TEST-RESCIND: nothing to be had ($round)" ctl kvp get Pushed
	check "KVP-TEST-RESCIND: enable ($round)" ctl service enable kvp
	check "KVP-TEST-RESCIND: ready again ($round)" ready
	is "KVP-TEST-RESCIND: nothing lost ($round)" "$(ctl kvp get Pushed)" "grüße 𝄞"
done
is "KVP-TEST-RESCIND: it is the same process" "$(cat "/proc/$daemon_pid/comm")" hv_kvp_daemon

# --- the end ---

daemon_stop
is "SIGTERM ends it with status 0" $? 0
is "and its socket is gone" "$(test -e "$scratch/kvp.sock" || echo gone)" gone
is "nothing above notice in its log" "$(grep -c '^<[0-4]>' "$scratch/daemon.log")" 0
done_testing
