# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ./run bench: ours beside the peer in the same run, as a table with ratios. A benchmark is one of two in
# bench/NAME. A VM case prints lines "BENCH CELL DAEMON UNIT VALUE GOAL" and runs once with each daemon, or measures both
# in one guest and prints lines as a link.sh. That runs here, without a VM, measures both in pairs and prints "BENCH CELL
# UNIT OURS PEER RATIO GOAL". GOAL is the largest ratio of ours to the peer's that is good, ">=N" the least one that is, or
# "-". A case may have a prepare.sh, which adds to a copy of it what has to be built.

bench_usage()
{
	echo "usage: ./run bench [NAME] [--json FILE] [-v]"
	echo
	echo "NAME is one of: $(cd "$top/bench" && printf '%s ' */host.sh */link.sh | sed 's:/[a-z]*\.sh::g')(kvp unless given)"
}

cmd_bench()
{
	local name=kvp json='' file

	while [ $# -gt 0 ]; do
		case $1 in
		--json)
			[ $# -ge 2 ] || die_usage "--json needs a file"
			json=$2
			shift
			;;
		-v) say_verbose=1 ;;
		-h | --help)
			bench_usage
			exit
			;;
		-*) die_usage "usage: ./run bench [NAME] [--json FILE]" ;;
		*) name=$1 ;;
		esac
		shift
	done
	[ -e "$top/bench/$name/host.sh" ] || [ -e "$top/bench/$name/link.sh" ] ||
		die_usage "no benchmark of that name: $name"
	packages_need build vm
	build_plain || exit 3
	file=$(build_root)/bench-$name
	if [ -e "$top/bench/$name/link.sh" ]; then
		bench_link "$name" >"$file" || exit
	else
		bench_vm "$name" >"$file" || exit
	fi
	bench_table "$file"
	[ -z "$json" ] || bench_json "$file" >"$json"
	! grep -q 'no$' "$file"
}

# bench_vm NAME: the rows of a VM case.
bench_vm()
{
	local folder

	folder=$(bench_case "$1") || return
	HVIS_LANES=1 # one after the other, or they measure each other
	vm_kernel=${vm_kernel:-6.1}
	vm_run "$folder" >&2
	[ "$tap_failed" = 0 ] || return 1
	grep -hv '^BENCH ' "$vm_results"/job-*/case-"$1"/host.out >&2 # the spread
	bench_rows "$1"
}

# bench_case NAME: the folder of its case, or that of a copy with what its prepare.sh has made.
bench_case()
{
	local folder=$top/bench/$1

	if [ -e "$folder/prepare.sh" ]; then
		folder=$(build_root)/bench-case/$1
		rm -rf "$folder"
		mkdir -p "${folder%/*}" && cp -a "$top/bench/$1" "$folder" &&
			build="$(build_root)/plain" peer="$(debian_unpacked hyperv-daemons)" \
				bash "$top/bench/$1/prepare.sh" "$folder" >&2 || return
	fi
	echo "$folder"
}

# bench_link NAME: the rows of what runs here; its own words go to standard error, as the load of the machine.
bench_link()
{
	local out status=0 uio=

	if grep -q uio_peer "$top/bench/$1/link.sh"; then
		uio=$(uio_peer) || say "upstream's hv_fcopy_uio_daemon cannot be built here"
	fi
	say "load $(cut -d ' ' -f 1-3 /proc/loadavg) on $(nproc) processors"
	out=$(build="$(build_root)/plain" peer="$(debian_unpacked hyperv-daemons)" uio_peer=$uio \
		bash "$top/bench/$1/link.sh") || status=3
	bench_pairs "$1" <<<"$out"
	return $status
}

# bench_pairs NAME: lines "bench|cell|unit|ours|peer|ratio|goal|pass" from what was measured in pairs.
bench_pairs()
{
	awk -v bench="$1" '
		function pass(ratio, goal) {
			if (goal == "-") return "-"
			if (sub(/^>=/, "", goal)) return ratio + 0 >= goal + 0 ? "yes" : "no"
			return ratio + 0 <= goal + 0 ? "yes" : "no"
		}
		$1 == "BENCH" && NF == 7 {
			printf "%s|%s|%s|%s|%s|%s|%s|%s\n", bench, $2, $3, $4, $5, $6, $7, pass($6, $7)
		}'
}

# The same from the output of a case: of both runs, or in pairs.
bench_rows()
{
	bench_pairs "$1" < <(cat "$vm_results"/job-*/case-"$1"/host.out)
	cat "$vm_results"/job-*/case-"$1"/host.out | awk -v bench="$1" '
		$1 == "BENCH" && NF == 6 {
			value[$2, $3] = $5; unit[$2] = $4; goal[$2] = $6; if (!seen[$2]++) order[++n] = $2
		}
		END {
			for (i = 1; i <= n; i++) {
				c = order[i]
				ratio = value[c, "stock"] > 0 ? value[c, "hvis"] / value[c, "stock"] : 0
				printf "%s|%s|%s|%s|%s|%.2f|%s|%s\n", bench, c, unit[c], value[c, "hvis"],
					value[c, "stock"], ratio, goal[c], ratio <= goal[c] ? "yes" : "no"
			}
		}'
}

bench_table()
{
	(echo 'bench|cell|unit|ours|peer|ratio|goal|pass' && cat "$1") | column -t -s '|'
}

bench_json()
{
	awk -F '|' '
		BEGIN { print "[" }
		{
			kind = $7 == "-" ? "null" : sub(/^>=/, "", $7) ? "\"least\"" : "\"most\""
			printf "%s  {\"bench\": \"%s\", \"cell\": \"%s\", \"unit\": \"%s\", \"ours\": %s, \"peer\": %s, " \
				"\"ratio\": %s, \"goal\": %s, \"goal_is\": %s, \"pass\": %s}", (NR > 1 ? ",\n" : ""),
				$1, $2, $3, $4, $5, $6, $7 == "-" ? "null" : $7, kind,
				$8 == "-" ? "null" : $8 == "yes" ? "true" : "false"
		}
		END { print "\n]" }' "$1"
}
