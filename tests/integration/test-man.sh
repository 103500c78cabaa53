#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The manual pages: mandoc finds no error, groff renders them at 80 columns without a warning and
# without a quotation inside another, the pages that they refer to exist, and they name every command
# and option that the programs' --help names. TAP.
set -u

builddir=${top_builddir:-.}
srcdir=${top_srcdir:-.}
n=0

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# report STATUS NAME: one test; what is in $tmp/log is shown where it fails
report() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/log"; fi
}

mapfile -t pages < <(
	for page in "$srcdir"/man/*.[1-8] "$builddir"/man/*.[1-8]; do
		[ -e "$page" ] && readlink -f "$page"
	done | sort -u
)

# Pages of others that ours refer to.
others="fsfreeze.8 hostname.1 systemctl.1 systemd.1 systemd-run.1 systemd.exec.5 systemd.service.5 systemd.journal-fields.7 systemd-tmpfiles.8 os-release.5
	resolv.conf.5 systemd-escape.1 udev.7 uname.2 flock.2 fcntl.2 fnmatch.3 inet_pton.3 inotify.7"

lint() { mandoc -T lint -W error "$1"; }
refers() {
	local name bad=0
	# shellcheck disable=SC2013 # a page is one word
	for name in $(sed -n 's/^\.Xr \([^ ]*\) \([0-9]\).*/\1.\2/p' "$1"); do
		[[ " ${others//[[:space:]]/ } " == *" $name "* ]] || [ -e "$srcdir/man/$name" ] || [ -e "$srcdir/man/$name.in" ] ||
			{ echo "$1 refers to $name, which is not there"; bad=1; }
	done
	return $bad
}


# Where distcheck installs, paths are longer than a line; nobody reads pages from there.
prefix=$(sed -n 's/^prefix = //p' "$builddir/Makefile")

# In mdoc a macro that encloses, called on a line, takes all that follows it there: "Pq Ql a No or Ql b" is
# (‘a or ‘b’’). What is a word to us may be broken over lines, so the whole page is one.
renders() {
	local quote

	sed "s|${prefix:-/usr}|/usr|g" "$1" >"$tmp/source"
	LC_ALL=C.UTF-8 nroff -Tutf8 -ww -rLL=78n -mdoc "$tmp/source" >"$tmp/page" 2>"$tmp/log" || return 1
	LC_ALL=C.UTF-8 col -bx <"$tmp/page" | tr -s '\n ' ' ' >"$tmp/line"
	# shellcheck disable=SC1112 # they are meant
	for quote in '‘[^’]*‘[^’]*’' '’’' '“[^”]*“[^”]*”' '””'; do
		LC_ALL=C.UTF-8 grep -o ".\{0,30\}$quote" "$tmp/line" >>"$tmp/log"
	done
	[ ! -s "$tmp/log" ]
}

for page in "${pages[@]}"; do
	if command -v nroff >/dev/null && command -v col >/dev/null; then
		renders "$page"
		report $? "${page##*/} is rendered without warnings and nested quotations"
	else
		n=$((n + 1))
		echo "ok $n - ${page##*/} is rendered without warnings and nested quotations # SKIP nroff or col is not installed"
	fi
	if command -v mandoc >/dev/null; then
		lint "$page" >"$tmp/log" 2>&1
		report $? "mandoc accepts ${page##*/}"
	else
		n=$((n + 1))
		echo "ok $n - mandoc accepts ${page##*/} # SKIP mandoc is not installed"
	fi
	refers "$page" >"$tmp/log"
	report $? "${page##*/} refers to pages that exist"
	! grep -n '@[a-zA-Z]*@' "$page" >"$tmp/log"
	report $? "every placeholder of ${page##*/} is filled in"
done

# A page as plain words: macros and dashes' escapes off.
words_of() { sed -e 's/^\.[A-Z][a-z] //' -e 's/\\-/-/g' -e 's/\bFl -/--/g' -e 's/\b\(Cm\|Op\|Ar\) //g' "$1"; }

# names PAGE WHAT: every line of standard input stands in the page
names() {
	local bad=0 what
	words_of "$1" >"$tmp/words"
	: >"$tmp/log"
	while read -r what; do
		grep -qF -e "$what" "$tmp/words" || { echo "no $what" >>"$tmp/log"; bad=1; }
	done
	report $bad "${1##*/} names every $2"
}

options_of() { "$@" --help | grep -o -- '--[a-z][a-z-]*' | sort -u; }

hvctl=$builddir/hvctl/hvctl
commands=$($hvctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z ]*[a-z]\).*/\1/p' | sed 's/  .*//')
names "$builddir/man/hvctl.1" command <<<"$commands"
names "$builddir/man/hvctl.1" option < <(
	while read -r -a command; do
		options_of "$hvctl" "${command[@]}"
	done <<<"$commands" | sort -u
)
names "$builddir/man/hv_kvp_daemon.8" option < <(options_of "$builddir/kvpd/hv_kvp_daemon")
names "$builddir/man/hv_vss_daemon.8" option < <(options_of "$builddir/vssd/hv_vss_daemon")
names "$builddir/man/hv_fcopy_daemon.8" option < <(options_of "$builddir/fcopyd/hv_fcopy_daemon")
names "$builddir/man/hvis_ip_helper.8" option < <(options_of "$builddir/ipd/hvis_ip_helper")

# Every message of the journal, each in the page of who logs it, and every field.
messages() { sed -n 's/^#define HVIS_MESSAGE_\([A-Z_]* "[0-9a-f]*\)"$/\1/p' "$srcdir/lib/util/messages.h" | grep "$@" | sed 's/.* "//'; }
names "$builddir/man/hv_vss_daemon.8" message < <(messages '^BACKUP_')
fields() { grep -o '"HVIS_[A-Z0-9_]*"' "$srcdir/lib/util/log.c" | tr -d '"' | sort -u | grep "$@" 'HVIS_\(FILE\|SIZE\|SHA256\|DURATION_USEC\)'; }
names "$builddir/man/hv_fcopy_daemon.8" message < <(
	messages '^FILE_'
	fields -x
)
names "$builddir/man/hv_kvp_daemon.8" message < <(
	messages -v '^BACKUP_\|^FILE_'
	fields -vx
)

# What the page for backups tells to watch for is there to be seen, and is in the journal of the daemon.
grep -o '^[0-9a-f]\{32\}' "$builddir/man/hvis-backup.7" | sort >"$tmp/watched"
[ -s "$tmp/watched" ] && messages '^BACKUP_' | sort | comm -13 - "$tmp/watched" >"$tmp/log" && [ ! -s "$tmp/log" ]
report $? "hvis-backup.7 has ids of messages about backups alone"

# Every configuration key.
names "$builddir/man/hvis.conf.5" key < <("$hvctl" config show | awk 'NR > 1 { print $2 }')
echo "1..$n"
