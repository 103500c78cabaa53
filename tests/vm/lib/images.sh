# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What a guest boots from: a root (small: busybox; debian: a Debian with systemd), the modules of its
# kernel, the daemons, and the cases; each an initramfs archive, joined by hvis-host. All but the cases
# come from the cache. Archives have /bin, /sbin and /lib in /usr, for they are laid over each other.

image_modules=(hv_vmbus hv_utils dummy veth brd crc32c_generic ext4 xfs btrfs)

# Packages of root=debian: what the name promises, and the libraries that our programs use.
image_debian_packages=(systemd-sysv udev dbus kmod iproute2 procps
	libglib2.0-0 libjson-c5 libmount1 libnettle8 libnl-3-200 libnl-route-3-200)

# image_merge STAGE: move what is in /bin, /sbin and /lib below /usr.
image_merge()
{
	local dir

	for dir in bin sbin lib lib64; do
		[ ! -L "$1/$dir" ] || continue
		[ -d "$1/$dir" ] || continue
		mkdir -p "$1/usr/$dir"
		cp -a "$1/$dir/." "$1/usr/$dir/" && rm -rf "${1:?}/$dir" || return
	done
}

# image_pack STAGE OUT: merged and packed; the staging folder is gone then.
image_pack()
{
	image_merge "$1" && initrd_pack "$1" "$2" && rm -rf "$1"
}

# The agent, for both roots. It brings its own busybox.
image_agent()
{
	cache_get guest-agent "$(cache_key "$(image_own_digest)" "$(debian_unpacked busybox-static)")" image_agent_make
}

image_agent_make()
{
	local busybox into=$1/stage/usr/lib/hvis-agent

	busybox=$(debian_unpacked busybox-static)/bin/busybox || return
	install -D -m 755 "$busybox" "$into/busybox" &&
		install -m 755 "$top/tests/vm/guest/agent" "$into/agent" &&
		install -m 644 "$top/tests/vm/lib/case.sh" "$into/case.sh" &&
		image_pack "$1/stage" "$1/initrd"
}

image_own_digest()
{
	cache_digest "$top/tests/vm/guest" "$top/tests/vm/lib/case.sh" "$top/tests/vm/lib/images.sh" \
		"$top/tests/vm/lib/initrd.sh"
}

image_small()
{
	cache_get guest-small "$(cache_key "$(image_own_digest)" "$(debian_unpacked busybox-static)")" \
		image_small_make
}

image_small_make()
{
	local stage=$1/stage link

	mkdir -p "$stage"/{dev,proc,sys,run,tmp,root,etc,var,usr/{bin,sbin,lib,lib64}}
	initrd_busybox "$stage" || return
	install -m 755 "$top/tests/vm/guest/init" "$stage/init"
	install -m 755 "$top/tests/vm/guest/daemons" "$stage/usr/sbin/daemons"
	# Nobody listens to a signal to process 1 here.
	for link in poweroff reboot halt; do
		rm "$stage/bin/$link"
		printf '#!/bin/sh\nexec busybox %s -f\n' $link >"$stage/usr/sbin/$link"
		chmod 755 "$stage/usr/sbin/$link"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$stage/etc/passwd"
	printf 'root:x:0:\n' >"$stage/etc/group"
	printf '127.0.0.1 localhost hvis-guest\n' >"$stage/etc/hosts"
	printf 'NAME="hvis test guest"\nID=hvis\nVERSION_ID="7"\n' >"$stage/etc/os-release"
	image_merge "$stage" || return
	for link in bin sbin lib lib64; do
		ln -s "usr/$link" "$stage/$link"
	done
	initrd_pack "$stage" "$1/initrd" && rm -rf "$stage"
}

# image_kernel_modules KERNEL-FOLDER [MODULE…]: those of every guest, and what a case wants beside them.
image_kernel_modules()
{
	local folder=$1 modules

	shift
	modules=("${image_modules[@]}" "$@")
	cache_get "guest-modules-$(cat "$folder/release")" \
		"$(cache_key "$folder" "$(image_own_digest)" "${modules[*]}")" image_kernel_modules_make "$folder" "${modules[@]}"
}

image_kernel_modules_make()
{
	local folder=$1 into=${!#}

	initrd_modules "$into/stage" "$folder" "${@:2:$#-2}" && image_pack "$into/stage" "$into/initrd"
}

# Debian's daemons. A kernel that has a package of its own version gets that.
image_stock()
{
	local version

	version=$(debian_known hyperv-daemons "$1.")
	image_packages "$2" "hyperv-daemons${version:+=$version}"
}

# Upstream's daemon for file copy on 6.10 and later (uio-peer.sh): only a case that has its driver gets it.
image_uio_daemon()
{
	local peer

	peer=$(uio_peer) || die "upstream's hv_fcopy_uio_daemon cannot be built"
	cache_get guest-uio-daemon "$(cache_key "$1" "$peer" "$(declare -f image_uio_daemon_make)")" \
		image_uio_daemon_make "$1" "$peer"
}

image_uio_daemon_make()
{
	local root=$1 peer=$2 into=$3

	mkdir -p "$into/stage/usr/sbin" && cp "$peer/hv_fcopy_uio_daemon" "$into/stage/usr/sbin/" || return
	[ "$root" = debian ] || image_libraries "$into/stage" || return
	image_pack "$into/stage" "$into/initrd"
}

# image_packages ROOT PACKAGE[=VERSION]…: Debian packages, unpacked.
image_packages()
{
	local root=$1 package unpacked=()

	shift
	for package in "$@"; do
		if [[ $package = *=* ]]; then
			unpacked+=("$(debian_unpacked "${package%%=*}" "${package#*=}")") || exit
		else
			unpacked+=("$(debian_unpacked "$package")") || exit
		fi
	done
	cache_get guest-packages "$(cache_key "$root" "${unpacked[@]}" "$(image_own_digest)")" \
		image_packages_make "$root" "${unpacked[@]}"
}

image_packages_make()
{
	local root=$1 into=${!#} dir

	shift
	mkdir -p "$into/stage"
	while [ $# -gt 1 ]; do
		cp -a "$1/." "$into/stage/" || return
		shift
	done
	rm -rf "$into/stage/usr/share"/{man,doc,lintian,locale,bug}
	rm -f "$into/stage/usr/sbin/xfs_scrub"* # wants 37 MB of libraries that nothing else does
	[ "$root" = debian ] || image_libraries "$into/stage" || return
	image_pack "$into/stage" "$into/initrd"
}

# image_libraries STAGE: the machine's libraries that programs in STAGE need.
image_libraries()
{
	local file path=$1/usr/lib/x86_64-linux-gnu:$1/lib/x86_64-linux-gnu

	while read -r file; do
		[ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
		LD_LIBRARY_PATH=$path initrd_libraries "$1" "$file" || return
	done < <(find "$1" -type f -perm -100)
}

# image_hvis ROOT: our "make install". Installed anew each time, packed where it changed.
image_hvis()
{
	local tree image

	tree=$(mktemp -d "${TMPDIR:-/tmp}/hvis-install.XXXXXX") || exit
	build_install "$tree" || { rm -rf "$tree"; die "make install failed"; }
	image=$(cache_get guest-hvis "$(cache_key "$1" "$(cache_digest "$tree")" "$(image_own_digest)")" \
		image_hvis_make "$1" "$tree") || { rm -rf "$tree"; exit 3; }
	rm -rf "$tree"
	echo "$image"
}

image_hvis_make()
{
	local root=$1 tree=$2 into=$3

	cp -a "$tree" "$into/stage" || return
	[ "$root" = debian ] || image_libraries "$into/stage" || return
	image_pack "$into/stage" "$into/initrd"
}

# image_debian [PACKAGE…]: a Debian with systemd. Packages of a case are installed in it. Made anew
# every week, for the sake of updates.
image_debian()
{
	local sources codename packages

	sources=$(debian_sources)
	[ -n "$sources" ] || die "apt has no Debian source to make root=debian from"
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	packages=$(printf '%s\n' "${image_debian_packages[@]}" "$@" | LC_ALL=C sort -u)
	cache_get guest-debian "$(cache_key "$codename" "$packages" "$(declare -f image_debian_make) ${debian_slim[*]}" \
		"$(cache_digest "$top/tests/vm/guest/debian-setup" "$top/tests/vm/guest/hvis-agent.service")" \
		"$(date +%Y-%V)" "$(debian_version systemd-sysv)")" image_debian_make "$codename" "$sources" "$packages"
}

image_debian_make()
{
	local codename=$1 sources=$2 packages=$3 into=$4

	say "making the Debian root (${packages//$'\n'/ })"
	# shellcheck disable=SC2016 # $1 is the hook's
	printf '%s\n' "$sources" | as_root mmdebstrap --quiet --variant=minbase --include="${packages//$'\n'/,}" \
		"${debian_slim[@]}" \
		--customize-hook="sh '$top/tests/vm/guest/debian-setup' \"\$1\" '$top/tests/vm/guest'" \
		--customize-hook="cd \"\$1\" && find . -mindepth 1 -xdev -print0 | LC_ALL=C sort -z |
			cpio -0 -o -H newc --quiet >'$into/initrd'" \
		--format=null "$codename" - -
}

# image_cases OUT MODULES DAEMONS NAME FOLDER…: the case folders and the guest's settings. What a case
# has in root/ is laid over the guest's root.
image_cases()
{
	local out=$1 modules=$2 daemons=$3 stage

	shift 3
	stage=$(mktemp -d "${TMPDIR:-/tmp}/hvis-cases.XXXXXX") || return
	mkdir -p "$stage/etc" "$stage/case"
	{
		[ "$modules" = stock ] && echo "modules='hv_utils'"
		echo "daemons=$daemons"
	} >"$stage/etc/hvis-guest"
	while [ $# -gt 1 ]; do
		cp -aH "$2" "$stage/case/$1" || return
		[ ! -d "$2/root" ] || cp -a "$2/root/." "$stage/" || return
		shift 2
	done
	image_pack "$stage" "$out"
}
