#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2317 # scripts that are written; functions that check calls
#
# The adapters for hook sets of others, with made-up sets of each kind below a folder of this test's own.
set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-adapters.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export HVIS_ADAPTER_ROOT=$scratch/root HVIS_ADAPTER_STATE=$scratch HVIS_HOOK=50-test
calls=$scratch/calls

# program PATH SCRIPT: it writes down how it is called first
program()
{
	mkdir -p "$(dirname "$HVIS_ADAPTER_ROOT$1")"
	printf '#!/bin/sh\nscratch=%s\necho "%s $*" >>"$scratch/calls"\n%s\n' "$scratch" "${1##*/}" "$2" >"$HVIS_ADAPTER_ROOT$1"
	chmod 755 "$HVIS_ADAPTER_ROOT$1"
}

called()
{
	paste -sd, "$calls" 2>/dev/null
	rm -f "$calls"
}

adapter()
{
	"$top/hooks/$1" "$2" >"$scratch/out" 2>&1
}

no()
{
	! "$@"
}

# --- all of them ---

for name in qemu-ga open-vm-tools azure; do
	check "$name: without a set there is nothing to prepare" no adapter $name prepare
	check "or to freeze" no adapter $name freeze
	check "what it does not know is no failure" adapter $name something-new
	check "which leaves no trace" test ! -e "$calls"
done
check "qemu-ga: a thaw of nothing is one" adapter qemu-ga thaw
check "open-vm-tools: so it is" adapter open-vm-tools thaw

# --- QEMU's guest agent ---

set=/etc/qemu/fsfreeze-hook.d
program $set/20-b.sh ''
program "$set/10 a.sh" ''
program $set/30-c.sh~ 'exit 1'
program $set/30-c.sh.sample 'exit 1'
program $set/30-c.sh.dpkg-new 'exit 1'
program $set/30-c.sh.rpmsave 'exit 1'
program $set/40-d.sh 'exit 1'
chmod 644 "$HVIS_ADAPTER_ROOT$set/40-d.sh"
check "qemu-ga: prepare" adapter qemu-ga prepare
check "calls nothing" test ! -e "$calls"
check "freeze" adapter qemu-ga freeze
is "calls all, ascending" "$(called)" "10 a.sh freeze,20-b.sh freeze"
check "freeze-failed" adapter qemu-ga freeze-failed
check "is nothing to them" test ! -e "$calls"
check "thaw" adapter qemu-ga thaw
is "calls all in the same order" "$(called)" "10 a.sh thaw,20-b.sh thaw"
program "$set/10 a.sh" 'exit 3'
check "one that fails is a failure" no adapter qemu-ga freeze
is "but all are called" "$(called)" "10 a.sh freeze,20-b.sh freeze"
check "and it is told" grep -q "10 a.sh freeze: exit status 3" "$scratch/out"
chmod 777 "$HVIS_ADAPTER_ROOT$set/20-b.sh"
check "one that others may write is found by prepare" no adapter qemu-ga prepare
check "and is told" grep -q "20-b.sh: others than root may write it" "$scratch/out"
check "and fails" no adapter qemu-ga freeze
is "and is not called" "$(called)" "10 a.sh freeze"
program "$set/10 a.sh" ''
program $set/20-b.sh ''
chmod 775 "$HVIS_ADAPTER_ROOT$set"
check "so does a folder that they may write" no adapter qemu-ga prepare
check "of which nothing is called" no adapter qemu-ga freeze
check "at all" test ! -e "$calls"
mv "$HVIS_ADAPTER_ROOT/etc/qemu" "$HVIS_ADAPTER_ROOT/etc/qemu-ga"
chmod 755 "$HVIS_ADAPTER_ROOT/etc/qemu-ga/fsfreeze-hook.d"
check "the other folder is as good" adapter qemu-ga freeze
is "as the first" "$(called)" "10 a.sh freeze,20-b.sh freeze"

# --- open-vm-tools ---

set=/etc/vmware-tools/backupScripts.d
program $set/20-b ''
program $set/10-a ''
program $set/20-b.bak 'exit 1'
check "open-vm-tools: prepare" adapter open-vm-tools prepare
check "calls nothing" test ! -e "$calls"
check "freeze" adapter open-vm-tools freeze
is "calls all, ascending" "$(called)" "10-a freeze,20-b freeze"
check "thaw" adapter open-vm-tools thaw
is "calls them descending" "$(called)" "20-b thaw,10-a thaw"
check "and a thaw that comes twice" adapter open-vm-tools thaw
is "calls nobody" "$(called)" ""
adapter open-vm-tools freeze
check "no backup" adapter open-vm-tools freeze-failed
check "and its thaw" adapter open-vm-tools thaw
is "are a freezeFail" "$(called)" "10-a freeze,20-b freeze,20-b freezeFail,10-a freezeFail"
program /usr/sbin/pre-freeze-script ''
program /usr/sbin/post-thaw-script ''
check "the older ones" adapter open-vm-tools freeze
check "are called, too" adapter open-vm-tools thaw
is "before the others, and after them" "$(called)" \
	"pre-freeze-script freeze,10-a freeze,20-b freeze,20-b thaw,10-a thaw,post-thaw-script thaw"
program $set/10-a '[ "$1" != freeze ] || exit 4'
check "one that fails is a failure" no adapter open-vm-tools freeze
adapter open-vm-tools freeze-failed
adapter open-vm-tools thaw
is "and ends the round" "$(called)" "pre-freeze-script freeze,10-a freeze,10-a freezeFail,post-thaw-script freezeFail"
program $set/10-a ''
program $set/20-b '[ "$1" != thaw ] || exit 5'
adapter open-vm-tools freeze
check "a thaw that fails is told" no adapter open-vm-tools thaw
is "and keeps no other from its own" "$(called)" \
	"pre-freeze-script freeze,10-a freeze,20-b freeze,20-b thaw,10-a thaw,post-thaw-script thaw"
chmod 757 "$HVIS_ADAPTER_ROOT$set/20-b"
check "one that others may write is found by prepare" no adapter open-vm-tools prepare
check "and nothing is called" no adapter open-vm-tools freeze
is "at all" "$(called)" ""

# --- Azure ---

config=$HVIS_ADAPTER_ROOT/etc/azure/VMSnapshotScriptPluginConfig.json
mkdir -p "${config%/*}"
program /opt/pre.sh ''
program /opt/post.sh ''

# write [KEY VALUE]…: a configuration as it is shipped, but for that
write()
{
	local -A member=([pluginName]='"ScriptRunner"' [timeoutInSeconds]=60 [continueBackupOnFailure]=false
		[preScriptLocation]='"/opt/pre.sh"' [postScriptLocation]='"/opt/post.sh"'
		[preScriptNoOfRetries]=0 [postScriptNoOfRetries]=0
		[preScriptParams]='["a b", "", "c\"\\d"]' [postScriptParams]='[]' [fsFreezeEnabled]=true)
	local key comma=''
	while [ $# -gt 0 ]; do
		member[$1]=$2
		shift 2
	done
	{
		echo '{'
		for key in "${!member[@]}"; do
			printf '%s\t"%s" : %s\n' "$comma" "$key" "${member[$key]}"
			comma=,
		done
		echo '}'
	} >"$config"
	chmod 600 "$config"
}

write
program /opt/pre.sh 'printf "%s|" "$@" >"$scratch/args"'
check "azure: prepare" adapter azure prepare
check "calls nothing" test ! -e "$calls"
check "freeze" adapter azure freeze
is "calls the pre-script" "$(called)" 'pre.sh a b  c"\d'
is "with its parameters" "$(cat "$scratch/args")" 'a b||c"\d|'
check "thaw" adapter azure thaw
is "calls the post-script" "$(called)" "post.sh "
program /opt/pre.sh '[ "$(wc -l <"$scratch/calls")" -ge 3 ]'
write preScriptNoOfRetries 2
check "a script that fails is tried again" adapter azure freeze
is "as often as it is said" "$(called | tr , '\n' | wc -l)" 3
write preScriptNoOfRetries 1
check "and no more" no adapter azure freeze
is "than that" "$(called | tr , '\n' | wc -l)" 2
write continueBackupOnFailure true
check "which is well where the backup is to go on" adapter azure freeze
called >/dev/null
program /opt/pre.sh 'exec sleep 1000'
write timeoutInSeconds 1 preScriptNoOfRetries 5
check "a script that hangs is ended" no adapter azure freeze
is "for all of its tries" "$(called | tr , '\n' | wc -l)" 1
write preScriptLocation '""'
check "no script is none" adapter azure freeze
check "and is not called" test ! -e "$calls"
write fsFreezeEnabled false
check "that a freeze is not wanted" adapter azure prepare
check "is told to be in vain" grep -q "fsFreezeEnabled=false has no effect" "$scratch/out"

program /opt/pre.sh ''
write
chmod 620 "$config"
check "a configuration that others may write" no adapter azure prepare
write
chmod 775 "$HVIS_ADAPTER_ROOT/opt/post.sh"
check "or a script" no adapter azure prepare
check "is told" grep -q "post.sh: others than root may write it" "$scratch/out"
write continueBackupOnFailure true
check "or is no matter" adapter azure prepare
chmod 755 "$HVIS_ADAPTER_ROOT/opt/post.sh"
write
chmod 777 "$HVIS_ADAPTER_ROOT/opt"
check "or the folder of one" no adapter azure prepare
check "which is not called" no adapter azure freeze
check "at all" test ! -e "$calls"
chmod 1777 "$HVIS_ADAPTER_ROOT/opt"
check "unless nobody replaces what is another one's" adapter azure prepare
chmod 755 "$HVIS_ADAPTER_ROOT/opt"
mkdir -m 777 "$HVIS_ADAPTER_ROOT/free"
ln -s ../opt/pre.sh "$HVIS_ADAPTER_ROOT/free/pre.sh"
write preScriptLocation '"/free/pre.sh"'
check "or the folder of a link to one" no adapter azure freeze
check "which is not called, either" test ! -e "$calls"
ln -s opt "$HVIS_ADAPTER_ROOT/link"
write preScriptLocation '"/link/pre.sh"'
check "a link that nobody else can change is as good" adapter azure freeze
check "as what it leads to" test -n "$(called)"
while IFS= read -r text; do
	printf '%s\n' "$text" >"$config"
	check "no configuration: $text" no adapter azure freeze
done <<'END'

{
[]
{}}
{"a" 1}
{"a": 1,}
{"a": 1 "b": 2}
{"a": "1
{"a": [1 2]}
{"a": "\u0041"}
{"preScriptLocation": "/opt/pre.sh", "timeoutInSeconds": "soon"}
{"preScriptLocation": "/opt/pre.sh", "timeoutInSeconds": 0}
{"preScriptLocation": "/opt/pre.sh", "preScriptNoOfRetries": -1}
{"preScriptLocation": "/opt/none.sh"}
END
check "of which nothing was called" test ! -e "$calls"
printf '\xef\xbb\xbf{"preScriptLocation": "\\/opt\\/pre.sh", "other": {"preScriptLocation": "/x", "n": null}, "list": [[1], []]}' >"$config"
adapter azure freeze
is "a configuration with more than is known" "$(called)" "pre.sh "

done_testing
