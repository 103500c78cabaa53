#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The message catalog: journalctl compiles it, and it explains exactly the ids that the sources have.
# TAP.
set -u

srcdir=${top_srcdir:-.}
catalog=$srcdir/systemd/hvis.catalog
header=$srcdir/lib/util/messages.h
n=0

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# report STATUS NAME: one test; what is in $tmp/log is shown where it fails
report() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/log"; fi
}

sed -n 's/^#define HVIS_MESSAGE_[A-Z_]* "\([0-9a-f]\{32\}\)"$/\1/p' "$header" | sort >"$tmp/ids"
sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$catalog" | sort >"$tmp/explained"

[ -s "$tmp/ids" ] && [ "$(wc -l <"$tmp/ids")" = "$(grep -c '^#define HVIS_MESSAGE_' "$header")" ]
report $? "the header has ids of 32 hex digits and nothing else"
[ -z "$(uniq -d "$tmp/ids")" ]
report $? "no id stands for two messages"
diff "$tmp/ids" "$tmp/explained" >"$tmp/log"
report $? "every id is in the catalog, and the catalog has no other"

sed -n 's/^#define \(HVIS_MESSAGE_[A-Z_]*\) .*/\1/p' "$header" | while read -r name; do
	grep -rqw --include='*.c' "$name" "$srcdir/lib" "$srcdir"/*d/ || echo "$name is never logged"
done >"$tmp/log"
[ ! -s "$tmp/log" ]
report $? "every id is logged somewhere"

awk '
	function finish() { if (id && (!subject || !by || !page || text < 2)) print id }
	/^-- / { finish(); id = $2; subject = by = page = text = 0; next }
	/^Subject: ./ { subject = 1; next }
	/^Defined-By: hvis$/ { by = 1; next }
	/^Documentation: man:/ { page = 1; next }
	/./ { text++ }
	END { finish() }' "$catalog" >"$tmp/log"
[ ! -s "$tmp/log" ]
report $? "every entry has a subject, an origin, a page and an explanation"

sed -n 's/^Documentation: //p' "$catalog" | tr ' ' '\n' | sed 's/^man:\(.*\)(\([0-9]\))$/\1.\2/' | sort -u |
	while read -r page; do
		[ -e "$srcdir/man/$page" ] || [ -e "$srcdir/man/$page.in" ] || echo "$page"
	done >"$tmp/log"
[ ! -s "$tmp/log" ]
report $? "the pages that it names exist"

if command -v journalctl >/dev/null; then
	mkdir -p "$tmp/root/usr/lib/systemd/catalog" "$tmp/root/var/lib/systemd/catalog" \
		"$tmp/root/lib" && ln -s ../usr/lib/systemd "$tmp/root/lib/systemd"
	cp "$catalog" "$tmp/root/usr/lib/systemd/catalog/"
	journalctl --root="$tmp/root" --update-catalog >"$tmp/log" 2>&1 && [ ! -s "$tmp/log" ]
	report $? "journalctl compiles it"
	while read -r id; do
		subject=$(grep -A1 "^-- $id$" "$catalog" | sed -n 's/^Subject: //p')
		journalctl --root="$tmp/root" --no-pager --dump-catalog "$id" 2>&1 | grep -qx "Subject: $subject" ||
			echo "$id is not shown"
	done <"$tmp/ids" >"$tmp/log"
	[ ! -s "$tmp/log" ]
	report $? "journalctl finds every entry"
else
	for name in "journalctl compiles it" "journalctl finds every entry"; do
		n=$((n + 1))
		echo "ok $n - $name # SKIP journalctl is not installed"
	done
fi
echo "1..$n"
