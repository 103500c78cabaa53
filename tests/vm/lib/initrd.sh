# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Pieces of initramfs images: put modules, libraries and busybox into a staging
# folder, and pack it. Archives are uncompressed: unpacking is what costs time in an emulator.

# initrd_pack STAGE OUT
initrd_pack()
{
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio -0 -o -H newc --owner=0:0 --reproducible --quiet) >"$2"
}

# initrd_busybox STAGE: /bin/busybox, static, with a link for each of its commands.
initrd_busybox()
{
	local busybox name

	busybox=$(debian_unpacked busybox-static)/bin/busybox || return
	mkdir -p "$1/bin"
	cp "$busybox" "$1/bin/busybox"
	for name in $("$busybox" --list); do
		[ "$name" = busybox ] || ln -sf busybox "$1/bin/$name"
	done
}

# initrd_modules STAGE KERNEL MODULE…: the modules and what they depend on, uncompressed, below
# /lib/modules. A module that the kernel has built in is left out.
initrd_modules()
{
	local stage=$1 kernel=$2 release from into file

	shift 2
	release=$(cat "$kernel/release")
	from=$kernel/lib/modules/$release
	into=$stage/lib/modules/$release
	mkdir -p "$into"
	while read -r file; do
		mkdir -p "$into/$(dirname "$file")"
		case $file in
		*.xz) xz -dc "$from/$file" >"$into/${file%.xz}" ;;
		*) cp "$from/$file" "$into/$file" ;;
		esac || return
	done < <(initrd_module_files "$kernel" "$release" "$@")
	cp "$from/modules.builtin" "$from/modules.order" "$into/"
	[ ! -e "$from/modules.builtin.modinfo" ] || cp "$from/modules.builtin.modinfo" "$into/"
	depmod -b "$stage" "$release"
}

initrd_module_files()
{
	local kernel=$1 release=$2

	shift 2
	modprobe -d "$kernel" -S "$release" -a --show-depends "$@" |
		awk -v base="$kernel/lib/modules/$release/" \
			'$1 == "insmod" && !seen[$2]++ { print substr($2, index($2, base) + length(base)) }'
}

# initrd_libraries STAGE PROGRAM: the libraries that PROGRAM needs, at their own paths; but for those in STAGE.
initrd_libraries()
{
	local stage=$1 library

	while read -r library; do
		[[ $library = "$stage"/* || -e $stage/$library ]] || install -D -m 755 "$(readlink -f "$library")" "$stage/$library" || return
	done < <(ldd "$2" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }')
}
