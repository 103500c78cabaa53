/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of its own for a test, gone afterwards, and pool files made by hand in it, as another
 * program would make them: nothing here uses the code under test.
 */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include <hvis/kvp.h>

static inline char *scratch_new(void)
{
	g_autoptr(GError) error = NULL;
	char *dir = g_dir_make_tmp("hvis-kvpd-XXXXXX", &error);

	g_assert_no_error(error);
	return dir;
}

/* Remove @dir and all that is in it; frees @dir. */
static inline void scratch_free(char *dir)
{
	GDir *open = g_dir_open(dir, 0, NULL);
	const char *name;

	while (open && (name = g_dir_read_name(open))) {
		char *path = g_build_filename(dir, name, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_DIR) &&
			!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
			scratch_free(path);
		else {
			g_assert_cmpint(g_remove(path), ==, 0);
			g_free(path);
		}
	}
	g_clear_pointer(&open, g_dir_close);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	g_free(dir);
}

typedef char Scratch;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scratch, scratch_free)

static inline void scratch_record(GByteArray *file, const char *key, const char *value)
{
	struct hvis_kvp_record record = { 0 };

	memcpy(record.key, key, strlen(key));
	memcpy(record.value, value, strlen(value));
	g_byte_array_append(file, (const guint8 *)&record, sizeof(record));
}

/* Records from a NULL-terminated list key, value, key, value, … */
static inline GByteArray *scratch_records(const char *key, ...) G_GNUC_NULL_TERMINATED;
static inline GByteArray *scratch_records(const char *key, ...)
{
	GByteArray *file = g_byte_array_new();
	va_list ap;

	va_start(ap, key);
	for (; key; key = va_arg(ap, const char *))
		scratch_record(file, key, va_arg(ap, const char *));
	va_end(ap);
	return file;
}

static inline void scratch_write(const char *path, const GByteArray *bytes)
{
	g_autoptr(GError) error = NULL;
	FILE *file = fopen(path, "wb");

	g_assert_nonnull(file);
	g_assert_cmpuint(fwrite(bytes->data, 1, bytes->len, file), ==, bytes->len);
	g_assert_cmpint(fclose(file), ==, 0);
}

static inline GByteArray *scratch_read(const char *path)
{
	g_autoptr(GError) error = NULL;
	char *bytes;
	gsize len;

	g_file_get_contents(path, &bytes, &len, &error);
	g_assert_no_error(error);
	return g_byte_array_new_take((guint8 *)bytes, len);
}

#define scratch_assert_file(path, wanted)                                                          \
	do {                                                                                       \
		g_autoptr(GByteArray) scratch_is = scratch_read(path);                             \
		g_assert_cmpmem(scratch_is->data, scratch_is->len, (wanted)->data, (wanted)->len); \
	} while (0)
