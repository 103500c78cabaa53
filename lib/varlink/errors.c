/* SPDX-License-Identifier: GPL-2.0-only */
/* The names that error codes have on the wire, and the codes of the protocol's own errors. */
#include <varlink/private.h>

#include <string.h>

static const char *const suffixes[HVIS_ERROR_N] = {
	[HVIS_ERROR_FAILED] = "Failed",
	[HVIS_ERROR_NOT_FOUND] = "NotFound",
	[HVIS_ERROR_EXISTS] = "Exists",
	[HVIS_ERROR_INVALID] = "Invalid",
	[HVIS_ERROR_PROTOCOL] = "Protocol",
	[HVIS_ERROR_IO] = "IO",
	[HVIS_ERROR_NO_SPACE] = "NoSpace",
	[HVIS_ERROR_PERMISSION] = "Permission",
	[HVIS_ERROR_BUSY] = "Busy",
	[HVIS_ERROR_TIMEOUT] = "Timeout",
	[HVIS_ERROR_CLOSED] = "Closed",
	[HVIS_ERROR_UNSUPPORTED] = "Unsupported",
};

static const struct {
	const char *name;
	HvisErrorCode code;
} standard[] = {
	{ "org.varlink.service.InterfaceNotFound", HVIS_ERROR_UNSUPPORTED },
	{ "org.varlink.service.MethodNotFound", HVIS_ERROR_UNSUPPORTED },
	{ "org.varlink.service.MethodNotImplemented", HVIS_ERROR_UNSUPPORTED },
	{ "org.varlink.service.InvalidParameter", HVIS_ERROR_INVALID },
	{ "org.varlink.service.PermissionDenied", HVIS_ERROR_PERMISSION },
	{ "org.varlink.service.ExpectedMore", HVIS_ERROR_INVALID },
};

const char *varlink_error_suffix(HvisErrorCode code)
{
	return (guint)code < HVIS_ERROR_N ? suffixes[code] : suffixes[HVIS_ERROR_FAILED];
}

HvisErrorCode varlink_error_code(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (gsize i = 0; i < G_N_ELEMENTS(standard); i++) {
		if (strcmp(name, standard[i].name) == 0)
			return standard[i].code;
	}
	if (dot && strcmp(dot + 1, "ReadOnly") == 0)
		return HVIS_ERROR_PERMISSION;
	if (dot && strcmp(dot + 1, "Lost") == 0)
		return HVIS_ERROR_BUSY;
	for (int code = 0; dot && code < HVIS_ERROR_N; code++) {
		if (strcmp(dot + 1, suffixes[code]) == 0)
			return (HvisErrorCode)code;
	}
	return HVIS_ERROR_FAILED;
}
