/* SPDX-License-Identifier: GPL-2.0-only */
/* One table from errors to the host's statuses. */
#include "config.h"

#include "fcopyd/status.h"

#include <hvis/hresult.h>

#include <util/error.h>

/*
 * The kernel's own daemons know HVIS_E_FAIL, HVIS_E_ALREADY_EXISTS and HVIS_E_DISK_FULL alone, and hosts are used to
 * those: a directory that is missing is E_FAIL with them. The others are told where nothing else would be true.
 */
static const guint32 statuses[HVIS_ERROR_N] = {
	[HVIS_ERROR_FAILED] = HVIS_E_FAIL,
	[HVIS_ERROR_NOT_FOUND] = HVIS_E_FAIL,
	[HVIS_ERROR_EXISTS] = HVIS_E_ALREADY_EXISTS,
	[HVIS_ERROR_INVALID] = HVIS_E_INVALIDARG,
	[HVIS_ERROR_PROTOCOL] = HVIS_E_INVALIDARG,
	[HVIS_ERROR_IO] = HVIS_E_FAIL,
	[HVIS_ERROR_NO_SPACE] = HVIS_E_DISK_FULL,
	[HVIS_ERROR_PERMISSION] = HVIS_E_FAIL,
	[HVIS_ERROR_BUSY] = HVIS_E_FAIL,
	[HVIS_ERROR_TIMEOUT] = HVIS_E_FAIL,
	[HVIS_ERROR_CLOSED] = HVIS_E_NOT_CONNECTED,
	[HVIS_ERROR_UNSUPPORTED] = HVIS_E_NOT_SUPPORTED,
};

guint32 fcopy_status_of(const GError *error)
{
	if (!error)
		return HVIS_S_OK;
	if (error->domain != HVIS_ERROR || error->code < 0 || error->code >= HVIS_ERROR_N)
		return HVIS_E_FAIL;
	return statuses[error->code];
}
