/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files with all of Unicode in their names: every code point that UTF-8 has, but "/" and NUL, which no file system
 * takes. As many to a name as fit.
 */
#include "tests/unit/fcopyd-scratch.h"
#include "tests/unit/fcopyd-wrap.h"

#define NAME_BYTES 255
#define CODE_POINTS (0x110000u - 0x800u - 2u) /* without surrogates, "/" and NUL */

static Scratch s;

static void put(const FcopyPolicy *policy, const char *name)
{
	const FcopyWanted wanted = { .path = "/", .name = name, .size = strlen(name) };
	g_autoptr(GError) error = NULL;
	g_autoptr(FcopyFile) file = fcopy_file_create(s.root, policy, &wanted, &error);
	FcopySum sum;

	g_assert_no_error(error);
	g_assert_true(fcopy_file_write(file, 0, name, strlen(name), &error));
	g_assert_true(fcopy_file_finish(file, NULL, &sum, &error));
	g_assert_no_error(error);
}

/* The name as the file system lists it is what was asked for: it is in the file, too. */
static guint64 check(const char *name)
{
	g_autofree char *path = g_build_filename(s.path, name, NULL);
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(name, ==, text);
	return (guint64)g_utf8_strlen(name, -1);
}

static guint make_all(void)
{
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, "");
	g_autoptr(GString) name = g_string_new("");
	guint files = 0;

	for (gunichar c = 1; c < 0x110000; c++) {
		if (c == '/' || (c >= 0xd800 && c < 0xe000))
			continue;
		if (name->len + (gsize)g_unichar_to_utf8(c, NULL) > NAME_BYTES) {
			put(policy, name->str);
			files++;
			g_string_truncate(name, 0);
		}
		g_string_append_unichar(name, c);
	}
	put(policy, name->str);
	return files + 1;
}

static void test_all(void)
{
	g_autoptr(GDir) dir = NULL;
	guint64 code_points = 0;
	const char *name;
	guint files, seen = 0;

	/* thousands of files: not on the disk of this machine */
	if (access("/dev/shm", W_OK) == 0)
		g_setenv("TMPDIR", "/dev/shm", TRUE);
	wrapped.no_sync = TRUE;
	scratch_init(&s);
	files = make_all();
	dir = g_dir_open(s.path, 0, NULL);
	for (; (name = g_dir_read_name(dir)); seen++)
		code_points += check(name);
	g_assert_cmpuint(seen, ==, files);
	g_assert_cmpuint(code_points, ==, CODE_POINTS);
	scratch_deinit(&s);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/unicode/all", test_all);
	return g_test_run();
}
