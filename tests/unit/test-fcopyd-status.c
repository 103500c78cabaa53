/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host is told of every error: the whole table. */
#include <hvis/hresult.h>

#include <glib.h>

#include <util/error.h>

#include "fcopyd/status.h"

static void test_codes(void)
{
	static const guint32 expected[HVIS_ERROR_N] = {
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

	for (guint i = 0; i < HVIS_ERROR_N; i++) {
		g_autoptr(GError) error = g_error_new_literal(HVIS_ERROR, (gint)i, "that");

		g_assert_cmphex(expected[i], !=, HVIS_S_OK); /* a code without a row */
		g_assert_cmphex(fcopy_status_of(error), ==, expected[i]);
	}
}

static void test_others(void)
{
	g_autoptr(GError) foreign = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_EXIST, "that");
	g_autoptr(GError) high = g_error_new_literal(HVIS_ERROR, HVIS_ERROR_N, "that");
	g_autoptr(GError) low = g_error_new_literal(HVIS_ERROR, -1, "that");

	g_assert_cmphex(fcopy_status_of(NULL), ==, HVIS_S_OK);
	g_assert_cmphex(fcopy_status_of(foreign), ==, HVIS_E_FAIL);
	g_assert_cmphex(fcopy_status_of(high), ==, HVIS_E_FAIL);
	g_assert_cmphex(fcopy_status_of(low), ==, HVIS_E_FAIL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/status/codes", test_codes);
	g_test_add_func("/fcopyd/status/others", test_others);
	return g_test_run();
}
