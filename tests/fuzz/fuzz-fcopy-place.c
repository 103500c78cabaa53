/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names and paths of a hostile host, in a tree with links that lead out, special files and directories of Deny=. Input:
 * a byte of flags, the name, a NUL, the path. In the path a byte below 0x10 stands for a word that leads somewhere.
 * Whatever is found is really in the directory of Allow= that it is said to be in, by the kernel's account of it, and
 * not in one of Deny=; outside all stays as it is, and what fails has made nothing.
 */
#include "config.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>

#include "fcopyd/file.h"

#define check(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			g_error("%s", #what);                                                      \
	} while (0)

#define PATH_BYTES 600u /* more than the wire has room for */

static const HvisConfigKey keys[] = {
	FCOPY_POLICY_KEYS,
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static const char *const words[16] = { "", "in", "deep", "to-in", "out", "to-out", "fifo", "file",
	"secret", "linked", "..", ".", "/", "//", "dangling", "/in/" };

static char *top;
static int root = -1;
static FcopyPolicy *policies[2];

static FcopyPolicy *policy_new(const char *lines)
{
	g_autofree char *text =
		g_strdup_printf("[fcopy]\nOwner=%u:%u\nDeny=/in/secret /in/*.no\n%s",
			(guint)geteuid(), (guint)getegid(), lines);
	g_autoptr(HvisConfig) config = hvis_config_parse(keys, "config", text, strlen(text), NULL);
	FcopyPolicy *policy = config ? fcopy_policy_new(config, NULL, NULL) : NULL;

	check(policy);
	return policy;
}

static void remove_top(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", top);

	check(system(command) == 0);
}

static void make_tree(void)
{
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
	g_autofree char *made = g_build_filename(where, "fuzz-fcopy-XXXXXX", NULL);

	check(g_mkdtemp(made));
	top = realpath(made, NULL);
	atexit(remove_top);
	root = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(root >= 0);
	check(mkdirat(root, "in", 0755) == 0 && mkdirat(root, "in/deep", 0755) == 0);
	check(mkdirat(root, "out", 0755) == 0 && mkdirat(root, "in/secret", 0755) == 0);
	check(mkdirat(root, "in/secret/deep", 0755) == 0);
	check(symlinkat("in", root, "to-in") == 0 && symlinkat("../out", root, "in/to-out") == 0);
	check(symlinkat("../../out", root, "in/deep/to-out") == 0);
	check(symlinkat(".", root, "in/to-in") == 0 && symlinkat("/", root, "in/linked") == 0);
	check(symlinkat("in/secret", root, "linked") == 0);
	check(symlinkat("nowhere", root, "in/dangling") == 0);
	check(mkfifoat(root, "in/fifo", 0600) == 0);
	close(openat(root, "in/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	policies[0] = policy_new("Allow=/in");
	policies[1] = policy_new("Allow=/to-in /in/deep /linked");
}

static guint count_in(const char *path)
{
	g_autofree char *whole = g_build_filename(top, path, NULL);
	g_autoptr(GDir) dir = g_dir_open(whole, 0, NULL);
	guint n = 0;

	while (dir && g_dir_read_name(dir))
		n++;
	return n;
}

static char *expand(const guint8 *bytes, gsize len)
{
	g_autoptr(GString) text = g_string_new("");

	for (gsize i = 0; i < len && bytes[i] && text->len < PATH_BYTES; i++) {
		if (bytes[i] < G_N_ELEMENTS(words))
			g_string_append(text, words[bytes[i]]);
		else
			g_string_append_c(text, (char)bytes[i]);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Where it really is, by the kernel's account. */
static void check_place(const FcopyPlace *place)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", place->dir);
	g_autofree char *real = g_file_read_link(link, NULL);
	g_autofree char *in = g_build_filename(top, "in", NULL);
	g_autofree char *secret = g_build_filename(top, "in/secret", NULL);
	gsize len = strlen(in);

	check(real && strncmp(real, in, len) == 0 && (!real[len] || real[len] == '/'));
	len = strlen(secret);
	check(strncmp(real, secret, len) != 0 || (real[len] && real[len] != '/'));
	check(place->name[0] && !strchr(place->name, '/') && strcmp(place->name, ".") != 0 &&
		strcmp(place->name, "..") != 0);
	check(!g_str_has_suffix(place->name, ".no"));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
	g_autofree char *name = NULL, *path = NULL;
	g_autoptr(GError) error = NULL;
	FcopyWanted wanted;
	const guint8 *end;
	guint before;

	if (size < 2)
		return 0;
	if (!top)
		make_tree();
	end = memchr(data + 1, 0, size - 1);
	name = g_strndup((const char *)data + 1, end ? (gsize)(end - data - 1) : size - 1);
	path = end ? expand(end + 1, (gsize)(data + size - end - 1)) : g_strdup("/in/");
	if (!g_utf8_validate(name, -1, NULL) || !g_utf8_validate(path, -1, NULL))
		return 0;
	wanted = (FcopyWanted){ .name = name,
		.path = path,
		.overwrite = data[0] & 1,
		.create_path = (data[0] & 2) != 0 };
	before = count_in("in") + count_in("in/deep");
	if (fcopy_place_find(root, policies[data[0] >> 2 & 1], &wanted, &place, &error)) {
		check(!error);
		check_place(&place);
		fcopy_place_undo(&place);
	} else {
		check(error && error->domain == HVIS_ERROR &&
			g_utf8_validate(error->message, -1, NULL));
		check(place.dir == -1);
	}
	check(count_in("in") + count_in("in/deep") == before);
	check(count_in("out") == 0 && count_in("") == 4 && count_in("in/secret") == 1);
	return 0;
}
