# SPDX-License-Identifier: GPL-2.0-only
# Types into an interactive shell that has a terminal of its own: each line, then Tab, and prints what has
# become of it, or with "!" before it, runs that. For test-completions.sh.
#
# usage: zsh -f complete.zsh bash|zsh|fish COMPLETIONS OUTPUT [!]LINE…
zmodload zsh/zpty zsh/zselect || exit 99
shell=$1 folder=$2 out=$3
shift 3
export TERM=xterm

# What the shell is told first: Ctrl-T writes the line down and clears it.
case $shell in
bash)
	start=(bash --norc --noprofile -i)
	setup="source '$folder/hvctl'; bind -x '\"\\C-t\": printf \"%s|\\n\" \"\$READLINE_LINE\" >>$out; READLINE_LINE='"
	;;
zsh)
	start=(zsh -f -i)
	setup="fpath=('$folder' \$fpath); autoload -Uz compinit && compinit -u -D
dump() { print -r -- \"\$BUFFER|\" >>$out; BUFFER=; }; zle -N dump; bindkey '^T' dump"
	;;
fish)
	start=(fish --no-config -i)
	setup="source '$folder/hvctl.fish'; function dump; echo (commandline)'|' >>$out; commandline ''; end; bind \\ct dump"
	;;
esac

# lines N: $out gets N lines within 30 s; what the terminal shows is thrown away, or the shell would stop
lines() {
	local i shown
	for ((i = 0; i < 600; i++)); do
		while zpty -r -t shell shown; do done
		(($(wc -l <$out) >= $1)) && return
		zselect -t 5
	done
	exit 1
}

: >$out
zpty shell $start
zpty -w shell $setup
zpty -w shell "echo ready >>$out"
lines 1
n=1
for line; do
	zpty -n -w shell "${line#!}"$'\t'
	if [[ $line == !* ]]; then
		zpty -w shell " >>$out"
	else
		zpty -n -w shell $'\x14'
	fi
	lines $((++n))
done
zpty -d shell
