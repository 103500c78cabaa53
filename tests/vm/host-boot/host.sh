# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The guest is up, runs the kernel that it should, and sees Hyper-V.
. "$HVIS_CASE_LIB"

is "a command's output comes back" "$(guest echo hello)" hello
refuse "a command's status comes back" 7 guest exit 7
check "the kernel sees Hyper-V" guest "dmesg | grep 'Hypervisor detected: Microsoft Hyper-V'"
check "VMBus is connected" guest "dmesg | grep 'Vmbus version'"
done_testing
