/* SPDX-License-Identifier: GPL-2.0-only */
/* What GLib's parser would let pass on a daemon's command line. */
#include <string.h>

#include <util/error.h>
#include <util/options.h>

typedef struct {
	gboolean debug, odd;
	char *device;
} Options;

static gboolean on_odd(const char *name, const char *value, gpointer data, GError **error)
{
	return TRUE;
}

static gboolean parse(Options *ret, GError **error, const char *first, ...)
{
	const GOptionEntry entries[] = {
		{ "device", 'f', 0, G_OPTION_ARG_FILENAME, &ret->device, "Where", "PATH" },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &ret->debug, "More", NULL },
		{ "odd", 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (gpointer)on_odd, "Odd",
			NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	va_list ap;

	*ret = (Options){ 0 };
	g_ptr_array_add(argv, (gpointer)(guintptr) "daemon");
	va_start(ap, first);
	for (const char *word = first; word; word = va_arg(ap, const char *))
		g_ptr_array_add(argv, (gpointer)(guintptr)word);
	va_end(ap);
	g_ptr_array_add(argv, NULL);
	return hvis_options_parse(
		entries, "A test.", (int)argv->len - 1, (char **)argv->pdata, error);
}

static void refused(const char *word, const char *message)
{
	g_autoptr(GError) error = NULL;
	Options options;

	g_assert_false(parse(&options, &error, word, NULL));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_true(g_str_has_prefix(error->message, message));
	g_assert_false(options.debug);
}

static void test_taken(void)
{
	g_autoptr(GError) error = NULL;
	Options options;

	g_assert_true(parse(&options, &error, "--debug", "--device=/a=b", NULL));
	g_assert_no_error(error);
	g_assert_true(options.debug);
	g_assert_cmpstr(options.device, ==, "/a=b");
	g_free(options.device);
	g_assert_true(parse(&options, &error, "--device", "--debug=no", NULL)); /* a path */
	g_assert_false(options.debug);
	g_assert_cmpstr(options.device, ==, "--debug=no");
	g_free(options.device);
}

/* "hv_kvp_daemon --no-daemon=false" was "--no-daemon". */
static void test_value_for_a_flag(void)
{
	refused("--debug=no", "--debug takes no value: \"--debug=no\"");
	refused("--debug=", "--debug takes no value");
	refused("--odd=1", "--odd takes no value");
	refused("--help=no", "--help takes no value");
}

static void test_words(void)
{
	refused("word", "unexpected argument \"word\"");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/options/taken", test_taken);
	g_test_add_func("/options/value-for-a-flag", test_value_for_a_flag);
	g_test_add_func("/options/words", test_words);
	return g_test_run();
}
