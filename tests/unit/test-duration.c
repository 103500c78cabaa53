/* SPDX-License-Identifier: GPL-2.0-only */
/* How durations are read and written. */
#include <locale.h>

#include <util/duration.h>
#include <util/error.h>

static void test_parse(void)
{
	static const struct {
		const char *text;
		gint64 ms; /* -1 = refused */
	} cases[] = {
		{ "5", 5000 },
		{ "5s", 5000 },
		{ "0", 0 },
		{ "500ms", 500 },
		{ "1min", 60000 },
		{ "2h", 7200000 },
		{ "0.25s", 250 },
		{ "1.5min", 90000 },
		{ "0.0001", 1 },
		{ "1000000000000h", G_GINT64_CONSTANT(3600000000000000000) },
		{ "1000000000001h", -1 },
		{ "", -1 },
		{ "s", -1 },
		{ ".", -1 },
		{ ".5", -1 },
		{ "1.2.3", -1 },
		{ "5ss", -1 },
		{ "5m", -1 },
		{ "5 s", -1 },
		{ " 5", -1 },
		{ "5s ", -1 },
		{ "1day", -1 },
		{ "1e3", -1 },
		{ "0x10", -1 },
		{ "-1s", -1 },
		{ "+1", -1 },
		{ "nan", -1 },
		{ "inf", -1 },
		{ "1,5s", -1 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gint64 ms = 77;

		g_test_message("%s", cases[i].text);
		g_assert_cmpint(hvis_duration_parse(cases[i].text, &ms), ==, cases[i].ms >= 0);
		g_assert_cmpint(ms, ==, cases[i].ms >= 0 ? cases[i].ms : 77);
	}
}

static void test_option(void)
{
	static const struct {
		const char *text;
		guint ms; /* 0 = refused */
		const char *message;
	} cases[] = {
		{ "1min", 60000, NULL },
		{ "24h", 86400000, NULL },
		{ "5m", 0, "--hold 5m: must be a time such as 90s, 15min or 500ms" },
		{ "0s", 0, "--hold 0s: must be more than 0, and 24 h at most" },
		{ "25h", 0, "--hold 25h: must be more than 0, and 24 h at most" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		guint ms = 77;
		gboolean taken = hvis_duration_parse_option("--hold", cases[i].text, &ms, &error);

		g_assert_cmpint(taken, ==, cases[i].ms != 0);
		g_assert_cmpuint(ms, ==, taken ? cases[i].ms : 77);
		g_assert_cmpstr(error ? error->message : NULL, ==, cases[i].message);
		g_assert_true(taken || hvis_error_is(error, HVIS_ERROR_INVALID));
	}
}

static void test_text(void)
{
	static const struct {
		gint64 us;
		const char *text;
	} cases[] = {
		{ 0, "0 ms" },
		{ 40, "0 ms" },
		{ 400, "0.4 ms" },
		{ 4000, "4 ms" },
		{ 9949, "9.9 ms" },
		{ 9950, "10 ms" },
		{ 500000, "500 ms" },
		{ 999499, "999 ms" },
		{ 999500, "1 s" },
		{ 2100000, "2.1 s" },
		{ 60000000, "60 s" },
		{ 90000000, "90 s" },
		{ 120000000, "2 min" },
		{ 150000000, "2.5 min" },
		{ 7200000000, "2 h" },
		{ 5400000000, "90 min" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = hvis_duration_text(cases[i].us);

		g_assert_cmpstr(text, ==, cases[i].text);
	}
}

/* Both, where a decimal point is a comma. */
static void test_locale(void)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR" };
	g_autofree char *text = NULL;
	const char *name = NULL;
	gint64 ms = 0;

	for (gsize i = 0; !name && i < G_N_ELEMENTS(names); i++)
		name = setlocale(LC_NUMERIC, names[i]);
	if (!name) {
		g_test_skip("no locale with a decimal comma here");
		return;
	}
	g_assert_true(hvis_duration_parse("1.5s", &ms));
	text = hvis_duration_text(1500000);
	setlocale(LC_NUMERIC, "C");
	g_assert_cmpint(ms, ==, 1500);
	g_assert_cmpstr(text, ==, "1.5 s");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/duration/parse", test_parse);
	g_test_add_func("/duration/option", test_option);
	g_test_add_func("/duration/text", test_text);
	g_test_add_func("/duration/locale", test_locale);
	return g_test_run();
}
