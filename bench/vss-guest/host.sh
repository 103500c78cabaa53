# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016 # the guest's
# The disks are a little larger than what is written to them: the guest has them in its memory. /bench/settings is
# by prepare.sh.

guest 'set -e
	. /bench/settings
	modprobe brd rd_nr=$volumes rd_size=$(((dirty + 32) * 1024))
	modprobe -a crc32c_generic ext4
	for i in $(seq 0 $((volumes - 1))); do
		mkfs.ext4 -q /dev/ram$i >/dev/null
		echo /dev/ram$i >>/bench/devices
	done' || exit
# All that it says in one file: what is said on two ways comes in any order.
guest '. /bench/settings
	/bench/vss-bench /bench ext4 $dirty $pairs $(cat /bench/devices) 2>&1'
