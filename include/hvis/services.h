/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Identity of the integration services on the bus: interface type, and the instance that Hyper-V
 * uses on every machine. Sources: linux/hyperv.h for types; lsvmbus on Hyper-V and OpenVMM for
 * instances.
 */
#pragma once

#include <hvis/types.h>

#define HVIS_HEARTBEAT_TYPE                                                                        \
	HVIS_GUID(0x57164f39u, 0x9115, 0x4e78, 0xab, 0x55, 0x38, 0x2f, 0x3b, 0xd5, 0x42, 0x2d)
#define HVIS_HEARTBEAT_INSTANCE                                                                    \
	HVIS_GUID(0xfd149e91u, 0x82e0, 0x4a7d, 0xaf, 0xa6, 0x2a, 0x41, 0x66, 0xcb, 0xd7, 0xc0)
#define HVIS_SHUTDOWN_TYPE                                                                         \
	HVIS_GUID(0x0e0b6031u, 0x5213, 0x4934, 0x81, 0x8b, 0x38, 0xd9, 0x0c, 0xed, 0x39, 0xdb)
#define HVIS_SHUTDOWN_INSTANCE                                                                     \
	HVIS_GUID(0xb6650ff7u, 0x33bc, 0x4840, 0x80, 0x48, 0xe0, 0x67, 0x67, 0x86, 0xf3, 0x93)
#define HVIS_TIMESYNC_TYPE                                                                         \
	HVIS_GUID(0x9527e630u, 0xd0ae, 0x497b, 0xad, 0xce, 0xe8, 0x0a, 0xb0, 0x17, 0x5c, 0xaf)
#define HVIS_TIMESYNC_INSTANCE                                                                     \
	HVIS_GUID(0x2dd1ce17u, 0x079e, 0x403c, 0xb3, 0x52, 0xa1, 0x92, 0x1e, 0xe2, 0x07, 0xee)
#define HVIS_KVP_TYPE                                                                              \
	HVIS_GUID(0xa9a0f4e7u, 0x5a45, 0x4d96, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6)
#define HVIS_KVP_INSTANCE                                                                          \
	HVIS_GUID(0x242ff919u, 0x07db, 0x4180, 0x9c, 0x2e, 0xb8, 0x6c, 0xb6, 0x8c, 0x8c, 0x55)
