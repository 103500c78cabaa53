# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian packages that go into images: fetched by apt from wherever the machine gets its packages,
# unpacked into the cache, never installed. The kernels are among them.

# debian_known PACKAGE [PREFIX]: the newest version that apt's lists have, or the newest that begins
# with PREFIX.
debian_known()
{
	apt-cache madison "$1" 2>/dev/null |
		awk -v prefix="${2:-}" -F ' *[|] *' 'index($2, prefix) == 1 { print $2; exit }'
}

# debian_version PACKAGE: the same of a package that must be there; the lists are fetched if it is not.
debian_version()
{
	local version

	version=$(debian_known "$1")
	if [ -z "$version" ]; then
		apt_update_once
		version=$(debian_known "$1")
	fi
	echo "$version"
}

# debian_unpacked PACKAGE [VERSION]: path of the package's files in the cache.
debian_unpacked()
{
	local package=$1 version=${2:-}

	[ -n "$version" ] || version=$(debian_version "$package")
	[ -n "$version" ] || die "apt knows no package $package"
	cache_get "deb-$package" "$(cache_key "$version")" debian_unpack "$package" "$version"
}

# debian_fetch PACKAGE VERSION DIR: the package as it comes.
debian_fetch()
{
	local package=$1 version=$2 into=$3

	say "fetching $package $version"
	cd "$into" || return
	apt-get -q -o APT::Sandbox::User=root download "$package=$version" >/dev/null || {
		apt_update_once # the lists were older than the archive
		apt-get -q -o APT::Sandbox::User=root download "$package=$version" >/dev/null || return
	}
}

debian_unpack()
{
	debian_fetch "$@" && cd "$3" && dpkg-deb -x ./*.deb . && rm -f ./*.deb
}

# debian_sources: apt's Debian sources as lines of a sources.list, for mmdebstrap.
debian_sources()
{
	local sources

	sources=$(debian_sources_known)
	[ -n "$sources" ] || { apt_update_once; sources=$(debian_sources_known); }
	echo "$sources"
}

debian_sources_known()
{
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN) $(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
		awk '$1 == "Debian" && $2 == "Packages" { print "deb", $3, $4, $5 }' | sort -u
}

# What a root that is made needs none of.
debian_slim=(--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*'
	--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*'
	--dpkgopt='path-exclude=/usr/share/bug/*' --dpkgopt='path-exclude=/usr/share/lintian/*')

# kernel_package 6.1|6.12: the package with the kernel that the metapackage stands for.
kernel_package()
{
	local meta package

	case $1 in
	6.1) meta=linux-image-amd64 ;;
	6.12) meta=linux-image-6.12-amd64 ;;
	*) die_usage "no kernel $1: 6.1 or 6.12" ;;
	esac
	package=$(kernel_dependency "$meta")
	if [ -z "$package" ]; then
		apt_update_once
		package=$(kernel_dependency "$meta")
	fi
	[ -n "$package" ] || die "apt knows no $meta"
	echo "$package"
}

kernel_dependency()
{
	apt-cache depends "$1" 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }'
}

# kernel_get 6.1|6.12: path of a folder with vmlinuz, release and lib/modules (depmod done).
kernel_get()
{
	local package version

	package=$(kernel_package "$1") || exit
	version=$(debian_version "$package")
	cache_get "kernel-$1" "$(cache_key "$package" "$version")" kernel_make "$package" "$version"
}

kernel_make()
{
	local package=$1 version=$2 into=$3 release

	debian_unpack "$package" "$version" "$into" || return
	cd "$into" || return
	release=$(basename lib/modules/*)
	echo "$release" >release
	mv "boot/vmlinuz-$release" vmlinuz && mv "boot/config-$release" config && rm -rf boot usr || return
	depmod -b . "$release"
}

# kernel_elf VMLINUZ OUT: the uncompressed kernel, for those who can start one directly. It saves the
# seconds that decompressing takes in an emulator.
kernel_elf()
{
	local sects offset length

	sects=$(kernel_field "$1" 497 1) # setup_sects; payload_offset and payload_length follow
	offset=$((((sects ? sects : 4) + 1) * 512 + $(kernel_field "$1" 584 4)))
	length=$(kernel_field "$1" 588 4)
	tail -c +$((offset + 1)) "$1" | head -c "$length" >"$2.payload"
	case $(od -An -N4 -tx1 "$2.payload" | tr -d ' ') in
	fd377a58) xz -dcq --single-stream <"$2.payload" >"$2" ;;
	28b52ffd) zstd -dcq <"$2.payload" >"$2" ;;
	*) false ;;
	esac
	rm -f "$2.payload"
	[ "$(head -c 4 "$2" | tail -c 3)" = ELF ]
}

kernel_field()
{
	od -An -j"$2" -N"$3" -tu"$3" "$1" | tr -d ' '
}
