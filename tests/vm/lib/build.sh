# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Builds of the checkout, out of tree, in _build (HVIS_BUILD names another place): one folder per
# configuration. What make prints goes to a log, shown where it fails.

build_root()
{
	mkdir -p "${HVIS_BUILD:-$top/_build}" || die "HVIS_BUILD names another folder for builds"
	(cd "${HVIS_BUILD:-$top/_build}" && pwd)
}

build_jobs()
{
	nproc
}

# build_logged LOG COMMAND…: its output into LOG; the last lines of that where it fails.
build_logged()
{
	local log=$1

	shift
	"$@" >"$log" 2>&1 </dev/null && return
	tail -n 60 "$log" >&2
	say "failed: $* (all of it in $log)"
	return 1
}

# build_configure NAME ARGUMENT…: autogen and configure where that is not done, or not so.
build_configure()
{
	local dir

	dir=$(build_root) || exit
	dir=$dir/$1
	shift
	[[ $top$dir != *[[:space:]]* ]] || die "neither configure nor QEMU takes a path with a blank: $top, $dir"
	{ mkdir -p "$dir" && [ -w "$dir" ]; } 2>/dev/null ||
		die "cannot write in $dir (HVIS_BUILD names another folder)"
	# depcomp comes with the first source file: what make regenerates by itself lacks it.
	if [ ! -x "$top/configure" ] || [ ! -e "$top/build-aux/depcomp" ]; then
		say "autogen.sh"
		build_logged "$dir/autogen.log" "$top/autogen.sh" || return
	fi
	if [ ! -e "$dir/Makefile" ] || [ "$(cat "$dir/configured" 2>/dev/null)" != "$*" ]; then
		say "configure ${dir##*/}"
		(cd "$dir" && build_logged "$dir/configure.out" "$top/configure" -q "$@") || return
		echo "$*" >"$dir/configured"
	fi
}

# build_make NAME TARGET…
build_make()
{
	local dir

	dir=$(build_root)/$1
	shift
	build_logged "$dir/make.log" make -C "$dir" -j"$(build_jobs)" "$@"
}

# The build that guests, the demo and the plain tests use, installed below /usr in guests.
build_plain()
{
	build_configure plain --prefix=/usr --sysconfdir=/etc --localstatedir=/var --enable-werror || return
	say "building"
	build_make plain all
}

# build_install DIR: "make install" of the plain build, stripped, without what a guest has no use for.
build_install()
{
	local dir

	dir=$(build_root)/plain
	build_logged "$dir/install.log" make -C "$dir" install-strip DESTDIR="$1" || return
	rm -rf "$1/usr/share/man" "$1/usr/share/doc" "$1/usr/include" "$1/usr/bin/hvis-host"
}
