// SPDX-License-Identifier: GPL-2.0-only
/* bzImage headers: a good one, every way to cut it short, and values that lie. */
#include "config.h"

#include <glib.h>
#include <hvis/types.h>
#include <string.h>
#include "host/vm/bzimage.h"
#include "util/error.h"

#define SECTS 3u
#define PAYLOAD 0x2000u
#define FILE_LEN ((SECTS + 1) * 512u + PAYLOAD)
#define HEADER_END (0x202u + 0x6au)

enum {
	AT_SECTS = 0x1f1,
	AT_SYSSIZE = 0x1f4,
	AT_BOOT_FLAG = 0x1fe,
	AT_JUMP = 0x201,
	AT_MAGIC = 0x202,
	AT_VERSION = 0x206,
	AT_LOADFLAGS = 0x211,
	AT_INITRD_MAX = 0x22c,
	AT_XLOADFLAGS = 0x236,
	AT_CMDLINE_SIZE = 0x238,
	AT_PREF_ADDRESS = 0x258,
	AT_INIT_SIZE = 0x260,
};

static void put(guint8 *head, guint at, guint64 value, guint bytes)
{
	for (guint i = 0; i < bytes; i++)
		head[at + i] = (guint8)(value >> 8 * i);
}

static void make(guint8 head[BZIMAGE_PARSE_SIZE])
{
	memset(head, 0, BZIMAGE_PARSE_SIZE);
	head[AT_SECTS] = SECTS;
	put(head, AT_SYSSIZE, PAYLOAD / 16, 4);
	put(head, AT_BOOT_FLAG, 0xaa55, 2);
	head[AT_JUMP] = HEADER_END - 0x202;
	memcpy(head + AT_MAGIC, "HdrS", 4);
	put(head, AT_VERSION, 0x020f, 2);
	head[AT_LOADFLAGS] = 1;
	put(head, AT_INITRD_MAX, 0x7fffffff, 4);
	put(head, AT_XLOADFLAGS, 0x7f, 2);
	put(head, AT_CMDLINE_SIZE, 2047, 4);
	put(head, AT_PREF_ADDRESS, 0x1000000, 8);
	put(head, AT_INIT_SIZE, 0x100000, 4);
}

static void refused(const guint8 *head, gsize head_len, guint64 file_len, const char *text)
{
	g_autoptr(GError) error = NULL;
	BzImage image = { .protocol = 0x1234 };

	g_assert_false(bzimage_parse(head, head_len, file_len, &image, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_INVALID);
	g_assert_cmphex(image.protocol, ==, 0x1234); /* untouched */
	if (text && !strstr(error->message, text))
		g_error("\"%s\" does not say \"%s\"", error->message, text);
}

static void test_good(void)
{
	guint8 head[BZIMAGE_PARSE_SIZE];
	g_autoptr(GError) error = NULL;
	BzImage image;

	make(head);
	g_assert_true(bzimage_parse(head, sizeof(head), FILE_LEN, &image, &error));
	g_assert_no_error(error);
	g_assert_cmphex(image.protocol, ==, 0x020f);
	g_assert_cmpuint(image.file_offset, ==, (SECTS + 1) * 512);
	g_assert_cmpuint(image.file_len, ==, PAYLOAD);
	g_assert_cmphex(image.load_address, ==, 0x1000000);
	g_assert_cmphex(image.init_size, ==, 0x100000);
	g_assert_cmphex(image.initrd_max, ==, 0x7fffffff);
	g_assert_cmpuint(image.command_line_max, ==, 2047);
	g_assert_cmpmem(
		image.header, image.header_len, head + BZIMAGE_HEADER, HEADER_END - BZIMAGE_HEADER);
}

static void test_no_sectors_means_four(void)
{
	guint8 head[BZIMAGE_PARSE_SIZE];
	BzImage image;

	make(head);
	head[AT_SECTS] = 0;
	g_assert_true(bzimage_parse(head, sizeof(head), 5 * 512 + PAYLOAD, &image, NULL));
	g_assert_cmpuint(image.file_offset, ==, 5 * 512);
	refused(head, sizeof(head), 5 * 512 + PAYLOAD - 1, "cut short");
}

static void test_truncated_head(void)
{
	guint8 head[BZIMAGE_PARSE_SIZE];

	make(head);
	for (gsize len = 0; len < HEADER_END; len++) {
		g_autofree guint8 *exact = g_memdup2(head, len); /* ASan sees a read past it */

		refused(exact, len, FILE_LEN, NULL);
	}
	g_assert_true(bzimage_parse(head, HEADER_END, FILE_LEN, &(BzImage){ 0 }, NULL));
}

static void test_truncated_file(void)
{
	guint8 head[BZIMAGE_PARSE_SIZE];

	make(head);
	for (guint64 len = 0; len < FILE_LEN; len++)
		refused(head, sizeof(head), len, "cut short");
}

static const struct {
	const char *name;
	guint at;
	guint64 value;
	guint bytes;
	const char *says;
} bad[] = {
	{ "magic", AT_MAGIC, 0, 4, "not a bzImage" },
	{ "boot-flag", AT_BOOT_FLAG, 0, 2, "not a bzImage" },
	{ "old", AT_VERSION, 0x0206, 2, "boot protocol 2.06" },
	{ "low", AT_LOADFLAGS, 0, 1, "zImage" },
	{ "32-bit", AT_XLOADFLAGS, 0x7e, 2, "64-bit" },
	{ "short-header", AT_JUMP, 0x10, 1, "setup header" },
	{ "empty", AT_SYSSIZE, 0, 4, "no kernel" },
	{ "tiny", AT_SYSSIZE, 0x200 / 16, 4, "no kernel" },
	{ "endless", AT_SYSSIZE, 0xffffffff, 4, "cut short" },
	{ "load-low", AT_PREF_ADDRESS, 0x10000, 8, "wants to be loaded" },
	{ "load-high", AT_PREF_ADDRESS, 0xffffffffffffffff, 8, "wants to be loaded" },
	{ "load-odd", AT_PREF_ADDRESS, 0x1000001, 8, "wants to be loaded" },
	{ "init-none", AT_INIT_SIZE, 0, 4, "to begin with" },
	{ "init-small", AT_INIT_SIZE, PAYLOAD - 1, 4, "to begin with" },
	{ "init-huge", AT_INIT_SIZE, 0xffffffff, 4, "to begin with" },
};

static void test_bad(void)
{
	guint8 head[BZIMAGE_PARSE_SIZE];

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_test_message("%s", bad[i].name);
		make(head);
		put(head, bad[i].at, bad[i].value, bad[i].bytes);
		refused(head, sizeof(head), FILE_LEN, bad[i].says);
	}
}

/* Whatever is in the header: what is accepted lies within the file and within reason. */
static void test_random(void)
{
	guint8 head[BZIMAGE_PARSE_SIZE];
	guint accepted = 0;

	for (guint n = 0; n < 100000; n++) {
		BzImage image;

		make(head);
		for (gint flips = g_test_rand_int_range(1, 4); flips; flips--)
			head[g_test_rand_int_range(AT_SECTS, HEADER_END)] =
				(guint8)g_test_rand_int_range(0, 256);
		if (!bzimage_parse(head, sizeof(head), FILE_LEN, &image, NULL))
			continue;
		accepted++;
		g_assert_cmpuint(image.file_offset + image.file_len, <=, FILE_LEN);
		g_assert_cmpuint(image.header_len, <=, sizeof(image.header));
		g_assert_cmpuint(image.load_address + image.init_size, <=, 0x80000000u);
		g_assert_cmpuint(image.init_size, >=, image.file_len);
	}
	g_assert_cmpuint(accepted, >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vm/bzimage/good", test_good);
	g_test_add_func("/vm/bzimage/no-sectors-means-four", test_no_sectors_means_four);
	g_test_add_func("/vm/bzimage/truncated-head", test_truncated_head);
	g_test_add_func("/vm/bzimage/truncated-file", test_truncated_file);
	g_test_add_func("/vm/bzimage/bad", test_bad);
	g_test_add_func("/vm/bzimage/random", test_random);
	return g_test_run();
}
