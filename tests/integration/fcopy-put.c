/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One file, as the host would send it, without a host: for scripts that look at what becomes of it.
 *
 *   fcopy-put [OPTION…] STATE PATH NAME <SOURCE     in fragments; "done SHA256", or "STATUS MESSAGE" and exit 1
 *   fcopy-put --sweep STATE                         as the daemon's start does; "swept N"
 *
 * --overwrite, --create; --size N says another size than that of SOURCE; --config LINE is one of [fcopy];
 * --no-unnamed: the file system has no unnamed files; --full-at N: the disk is full at the N-th write.
 */
#include "tests/unit/fcopyd-wrap.h"

#include <hvis/fcopy.h>

#include <stdlib.h>
#include <string.h>

#include <util/error.h>
#include <util/fd.h>

#include "fcopyd/file.h"
#include "fcopyd/status.h"
#include "fcopyd/sweep.h"

static const HvisConfigKey keys[] = {
	FCOPY_POLICY_KEYS,
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static struct {
	gboolean overwrite, create, sweep, no_unnamed;
	gint64 size;
	gint full_at;
	char **lines;
} options = { .size = -1 };

static const GOptionEntry entries[] = {
	{ "overwrite", 0, 0, G_OPTION_ARG_NONE, &options.overwrite, NULL, NULL },
	{ "create", 0, 0, G_OPTION_ARG_NONE, &options.create, NULL, NULL },
	{ "sweep", 0, 0, G_OPTION_ARG_NONE, &options.sweep, NULL, NULL },
	{ "no-unnamed", 0, 0, G_OPTION_ARG_NONE, &options.no_unnamed, NULL, NULL },
	{ "size", 0, 0, G_OPTION_ARG_INT64, &options.size, NULL, NULL },
	{ "full-at", 0, 0, G_OPTION_ARG_INT, &options.full_at, NULL, NULL },
	{ "config", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.lines, NULL, NULL },
	{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

static FcopyPolicy *read_policy(const char *state, GError **error)
{
	g_autofree char *lines = options.lines ? g_strjoinv("\n", options.lines) : g_strdup("");
	g_autofree char *text = g_strconcat("[fcopy]\n", lines, NULL);
	g_autoptr(HvisConfig) config = hvis_config_parse(keys, "config", text, strlen(text), error);

	return config ? fcopy_policy_new(config, state, error) : NULL;
}

static gboolean send_all(FcopyFile *file, GError **error)
{
	static guint8 fragment[HVIS_FCOPY_FRAGMENT];
	guint64 at = 0;
	gint number = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, fragment, sizeof(fragment))) > 0) {
		wrapped.pwrite = ++number == options.full_at ? ENOSPC : 0;
		if (!fcopy_file_write(file, at, fragment, (gsize)n, error))
			return FALSE;
		at += (guint64)n;
	}
	return n == 0 || hvis_fail_errno(error, errno, "read the source");
}

static gboolean copy(int root, char **words, FcopySum *sum, GError **error)
{
	g_autoptr(FcopyPolicy) policy = read_policy(words[1], error);
	FcopyWanted wanted = { .path = words[2],
		.name = words[3],
		.overwrite = options.overwrite,
		.create_path = options.create };
	g_autoptr(FcopyFile) file = NULL;
	struct stat st;

	if (!policy)
		return FALSE;
	if (fstat(STDIN_FILENO, &st) < 0)
		return hvis_fail_errno(error, errno, "look at the source");
	wanted.size = options.size >= 0 ? (guint64)options.size : (guint64)st.st_size;
	file = fcopy_file_create(root, policy, &wanted, error);
	return file && send_all(file, error) && fcopy_file_finish(file, NULL, sum, error);
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	hvis_autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	FcopySum sum;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) ||
		argc != (options.sweep ? 2 : 4)) {
		fprintf(stderr, "see the head of fcopy-put.c\n");
		return 2;
	}
	wrapped.tmpfile = options.no_unnamed ? EOPNOTSUPP : 0;
	if (options.sweep) {
		printf("swept %u\n", fcopy_sweep(root, argv[1]));
		return 0;
	}
	if (!copy(root, argv, &sum, &error)) {
		printf("%08x %s\n", fcopy_status_of(error), error->message);
		return 1;
	}
	printf("done %s\n", sum.sha256);
	return 0;
}
