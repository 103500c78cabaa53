/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a fuzz target over its committed corpus, one subtest per file, without libFuzzer: what has
 * been found once stays fixed. FUZZ_TARGET is the corpus' folder below tests/fuzz/corpus.
 */
#include "config.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void test_file(gconstpointer path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *bytes = NULL;
	g_autofree guint8 *exact = NULL;
	gsize len;

	g_assert_true(g_file_get_contents(path, &bytes, &len, &error));
	g_assert_no_error(error);
	exact = g_memdup2(bytes, len); /* without the NUL that GLib appends */
	g_assert_cmpint(LLVMFuzzerTestOneInput(exact, len), ==, 0);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *folder = NULL;
	g_autoptr(GDir) dir = NULL;
	const char *name, *top = g_getenv("top_srcdir");

	g_test_init(&argc, &argv, NULL);
	folder = g_build_filename(top ? top : ".", "tests/fuzz/corpus", FUZZ_TARGET, NULL);
	dir = g_dir_open(folder, 0, &error);
	if (!dir)
		g_error("%s", error->message);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_strdup_printf("/fuzz/" FUZZ_TARGET "/%s", name);

		g_test_add_data_func_full(
			path, g_build_filename(folder, name, NULL), test_file, g_free);
	}
	return g_test_run();
}
