# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# case.conf: reading one, and the combinations (the matrix) that it asks for. Lines are KEY=VALUE,
# lists have blanks between their words, "#" begins a comment.

declare -A conf_known=(
	[kernels]='6.1 6.12' [modules]='stock hvis' [daemons]='stock hvis none' [cpus]='1 2 3 4'
	[memory]='' [disks]='' [nics]='' [packages]='' [drivers]='' [root]='small debian' [timeout]='' [synic]='auto kvm user'
	[versions]='3.0 4.0 4.1 5.0 5.1 5.2 5.3' [host]='' [boot]='own shared'
	[hyperv]='yes no' [sample]='some one'
)
declare -A conf

# conf_read FOLDER: into conf[].
conf_read()
{
	local file=$1/case.conf line key value number=0

	conf=([kernels]='6.1 6.12' [modules]=stock [daemons]='stock hvis' [cpus]=1 [root]=small [timeout]=60
		[synic]=auto [versions]='' [host]='' [boot]=shared [packages]='' [drivers]='' [memory]='' [hyperv]=yes [sample]=some)
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
	root | boot | memory | timeout | hyperv | sample)
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
			[ "$word" != hvis ] || die "$where: modules=hvis: there are no such modules in this version"
			;;
		esac
		[ -z "${conf_known[$key]}" ] || [[ " ${conf_known[$key]} " = *" $word "* ]] ||
			die_usage "$where: $key=$word: one of ${conf_known[$key]}"
	done
}

# conf_expand full: lines "KERNEL MODULES DAEMONS CPUS SYNIC VERSION", all combinations.
# conf_expand sample [TURN]: few of them, see conf_sample.
conf_expand()
{
	local k m d c s v kernels modules daemons cpus synic versions

	read -ra kernels <<<"${conf[kernels]}"
	read -ra modules <<<"${conf[modules]}"
	read -ra daemons <<<"${conf[daemons]}"
	read -ra cpus <<<"${conf[cpus]}"
	read -ra synic <<<"${conf[synic]}"
	read -ra versions <<<"${conf[versions]:-any}"
	if [ "$1" = sample ]; then
		conf_sample "${2:-0}"
		return
	fi
	for k in "${kernels[@]}"; do
		for m in "${modules[@]}"; do
			for d in "${daemons[@]}"; do
				for c in "${cpus[@]}"; do
					for s in "${synic[@]}"; do
						printf "$k $m $d $c $s %s\n" "${versions[@]}"
					done
				done
			done
		done
	done
}

# conf_sample TURN: each kernel with all modules, and of the other lists each value at least once, taken in
# turn; the numbers of CPUs go round in another rhythm, so that each meets every way of SynIC. TURN says where
# to begin: of two cases that follow each other, one has our daemon on this kernel and one on that. Of a case
# with sample=one, a single line.
conf_sample()
{
	local turn=$1 n=0 row rows=1 combos=$((${#kernels[@]} * ${#modules[@]})) size

	if [ "${conf[sample]}" = one ]; then
		n=$((turn % combos))
		rows=$((n + 1))
	else
		for size in $combos ${#daemons[@]} ${#cpus[@]} ${#synic[@]} ${#versions[@]}; do
			[ "$size" -le $rows ] || rows=$size
		done
	fi
	for ((; n < rows; n++)); do
		row=$((n + 2 * turn))
		echo "${kernels[n % combos / ${#modules[@]}]} ${modules[n % ${#modules[@]}]}" \
			"${daemons[(n + n / 2 + turn) % ${#daemons[@]}]} ${cpus[(row + row / 2) % ${#cpus[@]}]}" \
			"${synic[row % ${#synic[@]}]} ${versions[row % ${#versions[@]}]}"
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
