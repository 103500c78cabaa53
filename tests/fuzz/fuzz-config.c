/* SPDX-License-Identifier: GPL-2.0-only */
/* A configuration file of any content: accepted with sane values, or refused with a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <util/config.h>
#include <util/error.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const colours[] = { "red", "green", NULL };

static const HvisConfigKey keys[] = {
	{ .section = "kvp", .key = "s", .type = HVIS_CONFIG_STRING, .fallback = "x" },
	{ .section = "kvp", .key = "b", .type = HVIS_CONFIG_BOOL, .fallback = "no" },
	{ .section = "kvp",
		.key = "i",
		.type = HVIS_CONFIG_INT,
		.fallback = "3",
		.min = -5,
		.max = 10 },
	{ .section = "kvp",
		.key = "t",
		.type = HVIS_CONFIG_SECONDS,
		.fallback = "1s",
		.max = 9000 },
	{ .section = "kvp",
		.key = "z",
		.type = HVIS_CONFIG_SIZE,
		.fallback = "1K",
		.max = 1 << 30 },
	{ .section = "kvp",
		.key = "c",
		.type = HVIS_CONFIG_CHOICE,
		.fallback = "red",
		.choices = colours },
	{ .section = "kvp", .key = "p", .type = HVIS_CONFIG_PATH, .fallback = "/" },
	{ .section = "kvp", .key = "l", .type = HVIS_CONFIG_LIST, .fallback = "" },
	{ .section = "ip" },
	{ 0 },
};

static void check(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_memdup2(data, size); /* exact: a read beyond is caught */
	g_autoptr(GError) error = NULL;
	g_autoptr(HvisConfig) c = hvis_config_parse(keys, "f", text ? text : "", size, &error);
	gint64 n;

	if (!c) {
		check(hvis_error_is(error, HVIS_ERROR_INVALID) &&
			g_str_has_prefix(error->message, "f:"));
		return 0;
	}
	n = hvis_config_int(c, "kvp", "i");
	check(n >= -5 && n <= 10);
	n = hvis_config_int(c, "kvp", "t");
	check(n >= 0 && n <= 9000);
	n = hvis_config_int(c, "kvp", "z");
	check(n >= 0 && n <= 1 << 30);
	check(g_strv_contains(colours, hvis_config_string(c, "kvp", "c")));
	check(hvis_config_string(c, "kvp", "p")[0] == '/');
	check(hvis_config_list(c, "kvp", "l") != NULL);
	return 0;
}
