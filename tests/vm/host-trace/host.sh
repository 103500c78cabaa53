# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

check "kvp is ready" ctl wait kvp --timeout 60
ctl trace --follow --layer service,packet --timeout 6 >trace.txt 2>&1 &
ctl trace --follow --layer service --json --timeout 6 --file trace.json &
sleep 1
check "a pair" ctl kvp set Traced "both ways"
check "remove it" ctl kvp remove Traced
wait
check "the request" grep -E 'service +host > guest +kvp .*[Ss][Ee][Tt].*Traced' trace.txt
check "the answer" grep -E 'service +guest > host +kvp' trace.txt
check "the packets" grep -E 'packet +host > guest +kvp' trace.txt
check "lines of JSON" grep '"layer": *"service"' trace.json
check "what passed last is remembered" ctl trace --layer message
if [ "$HVIS_SYNIC" = user ]; then
	ctl trace --follow --layer msr,hypercall --timeout 4 >access.txt 2>&1
	check "hypercalls and registers" grep -E '^[^ ]+ +(msr|hypercall) ' access.txt
fi
done_testing
