/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Status codes of the integration-service protocols (HRESULT values on the host's side).
 * Source: linux/hyperv.h (UAPI, Debian linux-headers 6.1) unless a line says otherwise.
 */
#pragma once

#include <hvis/types.h>

enum hvis_status {
	HVIS_S_OK = 0,
	HVIS_E_FAIL = 0x80004005u,
	HVIS_E_NO_MORE_ITEMS = 0x80070103u, /* UAPI calls it HV_S_CONT */
	HVIS_E_NOT_SUPPORTED = 0x80070032u,
	HVIS_E_INVALIDARG = 0x80070057u,
	HVIS_E_NOT_FOUND = 0x80041002u, /* UAPI calls it HV_GUID_NOTFOUND */
	HVIS_E_ALREADY_EXISTS = 0x80070050u,
	HVIS_E_DISK_FULL = 0x80070070u,
	HVIS_E_MACHINE_LOCKED = 0x800704f7u,
	HVIS_E_NOT_CONNECTED = 0x8007048fu,
};

/* The name an administrator sees for @status: "ok", "no-more-items", …; NULL when not one of ours. */
static inline const char *hvis_status_name(unsigned int status)
{
	switch (status) {
	case HVIS_S_OK:
		return "ok";
	case HVIS_E_FAIL:
		return "fail";
	case HVIS_E_NO_MORE_ITEMS:
		return "no-more-items";
	case HVIS_E_NOT_SUPPORTED:
		return "not-supported";
	case HVIS_E_INVALIDARG:
		return "invalid-argument";
	case HVIS_E_NOT_FOUND:
		return "not-found";
	case HVIS_E_ALREADY_EXISTS:
		return "already-exists";
	case HVIS_E_DISK_FULL:
		return "disk-full";
	case HVIS_E_MACHINE_LOCKED:
		return "machine-locked";
	case HVIS_E_NOT_CONNECTED:
		return "not-connected";
	}
	return NULL;
}
