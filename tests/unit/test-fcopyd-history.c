/* SPDX-License-Identifier: GPL-2.0-only */
/* A file that was copied, as words and as an entry of the history. */
#include "config.h"

#include "fcopyd/history.h"

static void test_words(void)
{
	static const struct {
		guint64 size, received;
		const char *progress, *pace;
	} cases[] = {
		{ 0, 0, "100 % of 0 bytes", "0 bytes in 1.5 s" },
		{ 1, 0, "0 % of 1 byte", "1 byte in 1.5 s" },
		{ 1023, 1022, "99 % of 1023 bytes", "1023 bytes in 1.5 s" },
		{ 1024, 1024, "100 % of 1.0 KiB", "1.0 KiB in 1.5 s" },
		{ 1048575, 0, "0 % of 1.0 MiB", "1.0 MiB in 1.5 s" },
		{ 1610612736, 805306368, "50 % of 1.5 GiB", "1.5 GiB in 1.5 s" },
		{ 100, 200, "100 % of 100 bytes", "100 bytes in 1.5 s" },
		{ G_MAXINT64, G_MAXINT64 / 2, "50 % of 8.0 EiB", "8.0 EiB in 1.5 s" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const FcopyTransfer transfer = { .size = cases[i].size,
			.received = cases[i].received,
			.begin_us = 1000000,
			.end_us = 2500000 };
		g_autofree char *progress = fcopy_transfer_progress(&transfer);
		g_autofree char *pace = fcopy_transfer_pace(&transfer);

		g_assert_cmpstr(progress, ==, cases[i].progress);
		g_assert_cmpstr(pace, ==, cases[i].pace);
	}
}

static void test_where(void)
{
	static const struct {
		const char *target, *directory, *name, *where;
	} cases[] = {
		{ "/srv/a", "/srv", "a", "/srv/a" },
		{ NULL, "/srv/", "a", "/srv/a" },
		{ NULL, "/srv/b", "a", "/srv/b" },
		{ NULL, "", "a", "" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const FcopyTransfer transfer = { .target = (char *)cases[i].target,
			.directory = (char *)cases[i].directory,
			.name = (char *)cases[i].name };
		g_autofree char *where = fcopy_transfer_where(&transfer);

		g_assert_cmpstr(where, ==, cases[i].where);
	}
}

static void assert_entry(const FcopyTransfer *transfer, const char *wanted)
{
	struct json_object *entry = fcopy_transfer_json(transfer);

	g_assert_cmpstr(json_object_to_json_string_ext(
				entry, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		==, wanted);
	json_object_put(entry);
}

static void test_entry(void)
{
	g_auto(FcopyTransfer) transfer = { .directory = g_strdup("/srv/"),
		.name = g_strdup("\"\n"),
		.overwrite = TRUE,
		.size = G_MAXINT64,
		.begin_us = 17 };

	assert_entry(&transfer,
		"{\"target\":null,\"directory\":\"/srv/\",\"name\":\"\\\"\\n\",\"overwrite\":true,"
		"\"create_path\":false,\"size\":9223372036854775807,\"received\":0,\"repeated\":0,"
		"\"begin_us\":17,\"end_us\":null,\"result\":null,\"message\":null,"
		"\"ended_by\":null,\"sha256\":null}");
	transfer.target = g_strdup("/srv/x");
	transfer.received = 5;
	transfer.repeated = 1;
	transfer.end_us = 18;
	transfer.result = FCOPY_RESULT_OK;
	transfer.ender = FCOPY_ENDER_HOST;
	transfer.message = g_strdup("well");
	g_strlcpy(transfer.sha256, "abcd", sizeof(transfer.sha256));
	assert_entry(&transfer,
		"{\"target\":\"/srv/x\",\"directory\":\"/srv/\",\"name\":\"\\\"\\n\",\"overwrite\":"
		"true,\"create_path\":false,\"size\":9223372036854775807,\"received\":5,"
		"\"repeated\":1,\"begin_us\":17,\"end_us\":18,\"result\":\"ok\",\"message\":"
		"\"well\",\"ended_by\":\"host\",\"sha256\":\"abcd\"}");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/history/words", test_words);
	g_test_add_func("/fcopyd/history/where", test_where);
	g_test_add_func("/fcopyd/history/entry", test_entry);
	return g_test_run();
}
