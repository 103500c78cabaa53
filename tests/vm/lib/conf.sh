# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# case.conf: reading one, and the combinations (the matrix) that it asks for. Lines are KEY=VALUE,
# lists have blanks between their words, "#" begins a comment.

declare -A conf_known=(
	[kernels]='6.1 6.12' [modules]='stock hvis' [daemons]='stock hvis none' [cpus]='1 2 3 4'
	[memory]='' [disks]='' [nics]='' [packages]='' [root]='small debian' [timeout]='' [synic]='auto kvm user'
	[versions]='3.0 4.0 4.1 5.0 5.1 5.2 5.3' [host]='' [boot]='own shared'
	[hyperv]='yes no'
)
declare -A conf

# conf_read FOLDER: into conf[].
conf_read()
{
	local file=$1/case.conf line key value number=0

	conf=([kernels]='6.1 6.12' [modules]=stock [daemons]='stock hvis' [cpus]=1 [root]=small [timeout]=60
		[synic]=auto [versions]='' [host]='' [boot]=shared [packages]='' [memory]='' [hyperv]=yes)
	[ -e "$1/host.sh" ] || [ -e "$1/guest.sh" ] || die_usage "$1: neither host.sh nor guest.sh there"
	[ ! -d "$1/root" ] || conf[boot]=own # others would not want its files
	[ -e "$file" ] || return 0
	while IFS= read -r line || [ -n "$line" ]; do
		number=$((number + 1))
		line=${line%%#*}
		line=${line%"${line##*[![:space:]]}"}
		[ -n "$line" ] || continue
		key=${line%%=*}
		value=${line#*=}
		[[ $line = *=* && -v conf_known[$key] ]] || die_usage "$file:$number: unknown key '$key'"
		conf_check "$key" "$value" "$file:$number"
		conf[$key]=$value
	done <"$file"
}

# conf_check KEY VALUE WHERE: is the value one that can be?
conf_check()
{
	local key=$1 value=$2 where=$3 word
	local -a words

	read -ra words <<<"$value"
	case $key in
	root | boot | memory | timeout | hyperv)
		[ ${#words[@]} = 1 ] || die_usage "$where: $key= takes one word"
		;;
	disks | nics)
		[ -z "$value" ] || die "$where: $key= is not supported: hvis-host has no such device yet"
		;;
	esac
	for word in "${words[@]}"; do
		case $key in
		memory | timeout)
			[[ $word =~ ^[1-9][0-9]*$ ]] || die_usage "$where: $key=$word is no number"
			;;
		modules)
			[ "$word" != hvis ] || die "$where: modules=hvis: the hvis kernel modules are not built yet"
			;;
		esac
		[ -z "${conf_known[$key]}" ] || [[ " ${conf_known[$key]} " = *" $word "* ]] ||
			die_usage "$where: $key=$word: one of ${conf_known[$key]}"
	done
}

# conf_expand full|sample: lines "KERNEL MODULES DAEMONS CPUS SYNIC VERSION". All combinations; or all
# of kernel, modules and daemons, with the others taken in turn so that each value occurs.
conf_expand()
{
	local how=$1 k m d c s v n=0
	local -a cpus synic versions rest

	read -ra cpus <<<"${conf[cpus]}"
	read -ra synic <<<"${conf[synic]}"
	read -ra versions <<<"${conf[versions]:-any}"
	for c in "${cpus[@]}"; do
		for s in "${synic[@]}"; do
			for v in "${versions[@]}"; do
				rest+=("$c $s $v")
			done
		done
	done
	for k in ${conf[kernels]}; do
		for m in ${conf[modules]}; do
			for d in ${conf[daemons]}; do
				if [ "$how" = full ]; then
					printf "$k $m $d %s\n" "${rest[@]}"
				else
					conf_turns "$n" | sed "s/^/$k $m $d /"
					n=$((n + 1))
				fi
			done
		done
	done
}

# conf_capped NAME: more such lines, for the campaign: a case of a service (kvp, ic) at every version of
# VMBus, with Debian's daemons where it uses any. CPUs and SynIC are taken in turn.
conf_capped()
{
	local k v n=0 daemons=stock
	local -a cpus synic

	[[ $1 = kvp-* || $1 = ic-* ]] && [ -z "${conf[versions]}" ] || return 0
	[[ ${conf[daemons]} = *stock* ]] || daemons=none
	[[ " ${conf[daemons]} " = *" $daemons "* ]] || return 0
	read -ra cpus <<<"${conf[cpus]}"
	read -ra synic <<<"${conf[synic]}"
	for k in ${conf[kernels]}; do
		for v in ${conf_known[versions]}; do
			echo "$k stock $daemons ${cpus[(n + n / 2) % ${#cpus[@]}]} ${synic[n % ${#synic[@]}]} $v"
			n=$((n + 1))
		done
	done
}

# conf_turns N: what combination N gets of the other lists: entry N of each, and N plus the number of
# combinations, and so on as long as the longest list has entries left. The numbers of CPUs go
# round in another rhythm, so that each meets every way of SynIC.
conf_turns()
{
	local longest combos turn

	longest=$(printf '%s\n' ${#cpus[@]} ${#synic[@]} ${#versions[@]} | sort -n | tail -n 1)
	combos=$(($(wc -w <<<"${conf[kernels]}") * $(wc -w <<<"${conf[modules]}") * $(wc -w <<<"${conf[daemons]}")))
	for ((turn = $1; turn < longest || turn == $1; turn += combos)); do
		echo "${cpus[(turn + turn / 2) % ${#cpus[@]}]} ${synic[turn % ${#synic[@]}]}" \
			"${versions[turn % ${#versions[@]}]}"
	done
}
