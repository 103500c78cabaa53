/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Somebody who owns a directory on the way swaps it for a symbolic link that leads out, as fast as can be, while files
 * of the host's are put below it. Nothing may ever come to be outside.
 *
 *   fcopy-swap [--naive] DIR FILES SWAPS
 *
 * In DIR, which is to be empty: at least FILES tries to put a file and SWAPS swaps. One of five is that of a directory
 * on the way, of the last one, of one that is yet to be made, of the file's own name, or of its directory with one
 * outside. --naive looks where the path leads, and then opens it: it shows that who does so is found out, and
 * stops at its first escape. The last line: "swaps N tries N put N refused N escapes N".
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>

#include "fcopyd/file.h"

#define CANARY "not to be touched"

static const HvisConfigKey keys[] = {
	FCOPY_POLICY_KEYS,
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

/* What is swapped with what, below "in". */
static const char *const pairs[][2] = {
	{ "in/a", "in/to-outside-a" },
	{ "in/a/b", "in/to-outside" },
	{ "in/a/b/made", "in/to-outside-made" },
	{ "in/a/b/file", "in/to-canary" },
	{ "in/a/b", "aside" },
};

static struct {
	int root;
	char *path;
	gboolean naive;
	gulong files, swaps;
	gint stop;
	gulong swapped; /* by the other thread */
	gulong tries, put, refused, escapes;
} run;

static void die(const char *what)
{
	perror(what);
	exit(3);
}

static void make_tree(void)
{
	static const char *const directories[] = { "state", "in", "in/a", "in/a/b", "in/a/b/made",
		"outside", "outside/b", "aside" };
	int fd;

	for (gsize i = 0; i < G_N_ELEMENTS(directories); i++)
		if (mkdirat(run.root, directories[i], 0755) < 0)
			die(directories[i]);
	if (symlinkat("../outside", run.root, "in/to-outside-a") < 0 ||
		symlinkat("../../outside/b", run.root, "in/to-outside") < 0 ||
		symlinkat("../../../outside/b", run.root, "in/to-outside-made") < 0 ||
		symlinkat("../../../outside/canary", run.root, "in/to-canary") < 0)
		die("symlink");
	fd = openat(run.root, "outside/canary", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, CANARY, strlen(CANARY)) < 0)
		die("canary");
	close(fd);
}

static void exchange(guint which)
{
	if (renameat2(run.root, pairs[which][0], run.root, pairs[which][1], RENAME_EXCHANGE) == 0)
		g_atomic_pointer_add(&run.swapped, 1);
}

static void *swapper(void *data)
{
	GRand *random = g_rand_new_with_seed(GPOINTER_TO_UINT(data));

	while (!g_atomic_int_get(&run.stop)) {
		guint which = (guint)g_rand_int_range(random, 0, G_N_ELEMENTS(pairs));
		guint times = 2 * (guint)g_rand_int_range(random, 1, 20);

		/* there and back; what was made below meanwhile may keep it there for a time */
		while (times-- > 0 && !g_atomic_int_get(&run.stop))
			exchange(which);
	}
	g_rand_free(random);
	return NULL;
}

/* How many there are in @path that have not been there from the beginning. */
static guint strangers_in(const char *path)
{
	g_autofree char *whole = g_build_filename(run.path, path, NULL);
	g_autoptr(GDir) dir = g_dir_open(whole, 0, NULL);
	const char *name;
	guint n = 0;

	if (!dir)
		die(whole);
	while ((name = g_dir_read_name(dir)))
		n += strcmp(name, "canary") != 0 && strcmp(name, "b") != 0;
	return n;
}

/* Outside all is as it was. */
static gboolean escaped(void)
{
	g_autofree char *path = g_build_filename(run.path, "outside/canary", NULL);
	g_autofree char *text = NULL;

	return strangers_in("outside") || strangers_in("outside/b") ||
	       !g_file_get_contents(path, &text, NULL, NULL) || strcmp(text, CANARY) != 0;
}

/* --- who puts files there --- */

static gboolean put(const FcopyPolicy *policy, const FcopyWanted *wanted)
{
	g_autoptr(FcopyFile) file = fcopy_file_create(run.root, policy, wanted, NULL);
	FcopySum sum;

	return file && fcopy_file_write(file, 0, "x", 1, NULL) &&
	       fcopy_file_finish(file, NULL, &sum, NULL);
}

static gboolean put_naively(const FcopyWanted *wanted)
{
	g_autofree char *path = g_strconcat(run.path, wanted->path, wanted->name, NULL);
	g_autofree char *directory = g_strconcat(run.path, wanted->path, NULL);
	g_autofree char *inside = g_strconcat(run.path, "/in/", NULL);
	char real[PATH_MAX];
	struct stat st;
	int fd;

	if (!realpath(directory, real) || strncmp(real, inside, strlen(inside)) != 0 ||
		(lstat(path, &st) == 0 && S_ISLNK(st.st_mode)))
		return FALSE;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd >= 0 && close(fd) == 0;
}

static void try(const FcopyPolicy *policy, GRand *random)
{
	static const char *const paths[] = { "/in/a/b/", "/in/a/b/made/", "/in/a/b/made/more/" };
	const FcopyWanted wanted = { .path = paths[g_rand_int_range(random, 0, 3)],
		.name = g_rand_boolean(random) ? "file" : "other",
		.overwrite = g_rand_boolean(random),
		.create_path = g_rand_boolean(random),
		.size = 1 };
	gboolean done = run.naive ? put_naively(&wanted) : put(policy, &wanted);

	run.tries++;
	run.put += done;
	run.refused += !done;
	run.escapes += escaped();
	if (done && g_rand_int_range(random, 0, 3) == 0) {
		g_autofree char *path = g_strconcat(wanted.path + 1, wanted.name, NULL);

		unlinkat(run.root, path, 0); /* for those that do not overwrite */
		unlinkat(run.root, "in/a/b/made/more", AT_REMOVEDIR);
	}
}

static FcopyPolicy *policy_new(void)
{
	g_autofree char *text = g_strdup_printf(
		"[fcopy]\nAllow=/in\nOwner=%u:%u\n", (guint)geteuid(), (guint)getegid());
	g_autofree char *state = g_build_filename(run.path, "state", NULL);
	g_autoptr(HvisConfig) config = hvis_config_parse(keys, "config", text, strlen(text), NULL);

	return fcopy_policy_new(config, state, NULL);
}

static gboolean is_enough(void)
{
	if (run.naive && run.escapes)
		return TRUE;
	return run.tries >= run.files && (gulong)g_atomic_pointer_get(&run.swapped) >= run.swaps;
}

int main(int argc, char **argv)
{
	g_autoptr(FcopyPolicy) policy = NULL;
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	pthread_t thread;

	run.naive = argc > 1 && strcmp(argv[1], "--naive") == 0;
	if (argc != 4 + run.naive) {
		fprintf(stderr, "see the head of fcopy-swap.c\n");
		return 2;
	}
	argv += run.naive;
	run.path = realpath(argv[1], NULL);
	run.files = strtoul(argv[2], NULL, 10);
	run.swaps = strtoul(argv[3], NULL, 10);
	run.root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!run.path || run.root < 0)
		die(argv[1]);
	make_tree();
	policy = policy_new();
	if (pthread_create(&thread, NULL, swapper, GUINT_TO_POINTER(2)))
		die("thread");
	while (!is_enough())
		try(policy, random);
	g_atomic_int_set(&run.stop, 1);
	pthread_join(thread, NULL);
	printf("swaps %lu tries %lu put %lu refused %lu escapes %lu\n", run.swapped, run.tries,
		run.put, run.refused, run.escapes);
	free(run.path);
	return run.escapes != 0;
}
