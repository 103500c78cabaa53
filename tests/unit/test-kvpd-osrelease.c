/* SPDX-License-Identifier: GPL-2.0-only */
/* os-release files: quoting, what is missing, Debian's minor version. */
#include "config.h"

#include "kvpd/osrelease.h"

#include <sys/stat.h>

#include "tests/unit/kvpd-scratch.h"

static void test_values(void)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "NAME=Fedora", "Fedora" },
		{ "NAME=\"Debian GNU/Linux\"\n", "Debian GNU/Linux" },
		{ "NAME='Arch Linux'\r\n", "Arch Linux" },
		{ "NAME=\"a \\\"b\\\" \\$c\"", "a \"b\" $c" },
		{ "#NAME=no\n  NAME=yes  \n", "yes" },
		{ "NAME=first\nNAME=last\n", "last" },
		{ "NAME=first\nNAME=\"broken\n", "first" },
		{ "NAME=\n", "" },
		{ "NAME=\"\"", "" },
		{ "PRETTY_NAME=x\nNAMES=y\nNAME z\n", NULL },
		{ "", NULL },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *value = os_release_value(cases[i].text, "NAME");

		g_assert_cmpstr(value, ==, cases[i].value);
	}
}

static void write_text(const char *root, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(root, name, NULL);
	g_autofree char *dir = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

typedef struct {
	const char *where, *os_release, *debian_version;
	const char *name, *major, *minor;
} Case;

static const Case cases[] = {
	{ "etc/os-release", "NAME=Ubuntu\nVERSION_ID=\"22.04\"\n", NULL, "Ubuntu", "22", "04" },
	{ "usr/os-release", "NAME=X\n", NULL, "Linux", "", "" },
	{ "etc/os-release", "NAME=Debian\nVERSION_ID=\"12\"\n", "12.11\n", "Debian", "12", "11" },
	{ "etc/os-release", "NAME=Debian\nVERSION_ID=\"12\"\n", "13.1\n", "Debian", "12", "" },
	{ "etc/os-release", "NAME=Debian\nVERSION_ID=1\n", "12.1\n", "Debian", "1", "" },
	{ "etc/os-release", "NAME=Debian\n", "trixie/sid\n", "Debian", "", "" },
	{ "etc/os-release", "NAME=Debian\nVERSION_ID=13\n", "13.x\n", "Debian", "13", "" },
	{ "etc/os-release", "NAME=SLES\nVERSION_ID=15.6\n", "15.9\n", "SLES", "15", "6" },
	{ "etc/os-release", "NAME=\nVERSION_ID=1.2.3\n", NULL, "Linux", "1", "2.3" },
};

static void test_files(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Scratch) root = scratch_new();
		OsRelease os;

		write_text(root, cases[i].where, cases[i].os_release);
		if (cases[i].debian_version)
			write_text(root, "etc/debian_version", cases[i].debian_version);
		os_release_read(root, &os);
		g_assert_cmpstr(os.name, ==, cases[i].name);
		g_assert_cmpstr(os.major, ==, cases[i].major);
		g_assert_cmpstr(os.minor, ==, cases[i].minor);
		os_release_clear(&os);
	}
}

/* /etc/os-release comes before the vendor's. */
static void test_order(void)
{
	g_autoptr(Scratch) root = scratch_new();
	OsRelease os;

	write_text(root, "usr/lib/os-release", "NAME=vendor\n");
	os_release_read(root, &os);
	g_assert_cmpstr(os.name, ==, "vendor");
	os_release_clear(&os);
	write_text(root, "etc/os-release", "NAME=local\n");
	os_release_read(root, &os);
	g_assert_cmpstr(os.name, ==, "local");
	os_release_clear(&os);
}

/* A FIFO of that name kept the daemon waiting for a writer. */
static void test_fifo(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autofree char *path = g_build_filename(root, "etc/os-release", NULL);
	g_autofree char *etc = g_path_get_dirname(path);
	OsRelease os;

	g_assert_cmpint(g_mkdir(etc, 0700), ==, 0);
	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	os_release_read(root, &os);
	g_assert_cmpstr(os.name, ==, "Linux");
	os_release_clear(&os);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/osrelease/values", test_values);
	g_test_add_func("/kvpd/osrelease/files", test_files);
	g_test_add_func("/kvpd/osrelease/order", test_order);
	g_test_add_func("/kvpd/osrelease/fifo", test_fifo);
	return g_test_run();
}
