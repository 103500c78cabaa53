/* SPDX-License-Identifier: GPL-2.0-only */
/* Where names and paths of a host lead, and where they do not. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fcopyd/place.h"
#include "tests/unit/fcopyd-scratch.h"

static Scratch s;
static gboolean may_mount;

/* The target as found, or "CODE message". */
static char *found(const char *lines, const FcopyWanted *wanted)
{
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, lines);
	g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
	g_autoptr(GError) error = NULL;

	if (fcopy_place_find(s.root, policy, wanted, &place, &error)) {
		g_assert_no_error(error);
		g_assert_cmpint(place.dir, >=, 0);
		return g_strdup(place.target);
	}
	g_assert_true(error->domain == HVIS_ERROR);
	g_assert_cmpint(place.dir, ==, -1);
	return g_strdup_printf("%d %s", error->code, error->message);
}

static void check_found(const char *lines, const char *path, const char *name, const char *target)
{
	const FcopyWanted wanted = { .path = path, .name = name };
	g_autofree char *is = found(lines, &wanted);

	g_assert_cmpstr(is, ==, target);
}

static void check_refused_as(
	const char *lines, const FcopyWanted *wanted, HvisErrorCode code, const char *text)
{
	g_autofree char *is = found(lines, wanted);
	g_autofree char *start = g_strdup_printf("%d ", (gint)code);

	if (!g_str_has_prefix(is, start) || !strstr(is, text))
		g_error("%s + %s: \"%s\", not \"%s…%s\"", wanted->path, wanted->name, is, start,
			text);
}

static void check_refused(
	const char *lines, const char *path, const char *name, HvisErrorCode code, const char *text)
{
	const FcopyWanted wanted = { .path = path, .name = name };

	check_refused_as(lines, &wanted, code, text);
}

static void make_tree(void)
{
	scratch_init(&s);
	scratch_mkdir(&s, "/srv/in/deep");
	scratch_mkdir(&s, "/etc");
	scratch_mkdir(&s, "/real/secret/below");
	scratch_put(&s, "/srv/file", "old");
	scratch_link(&s, "in", "/srv/to-in");
	scratch_link(&s, "/etc", "/srv/to-etc");
	scratch_link(&s, "file", "/srv/to-file");
	scratch_link(&s, "real", "/linked");
	scratch_link(&s, "nowhere", "/srv/dangling");
}

/* --- words --- */

static void test_forms(void)
{
	check_found("", "/srv/", "a", "/srv/a");
	check_found("", "/srv", "a", "/srv/a"); /* a directory */
	check_found("", "/srv/a", "b", "/srv/a"); /* none: the path of the file */
	check_found("", "/srv/a", "", "/srv/a");
	check_found("", "//srv///in//", "a", "/srv/in/a");
	check_found("", "//srv///in//a", "b", "/srv/in/a");
	check_found("", "/", "a", "/a");
	check_found("", "//", "a", "/a");
	check_found("", "/a", "b", "/a");
	check_found("", "/srv/in/deep", "...", "/srv/in/deep/...");
	check_found("", "/srv/", " ", "/srv/ ");
	check_found("", "/srv/", "-rf", "/srv/-rf");
	check_found("", "/srv/", "a\nb\033[m", "/srv/a\nb\033[m");
}

static void test_words(void)
{
	static const char *const names[] = { "a/b", "/", "/a", "a/", ".", "..", "../a" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		check_refused("", "/srv/", names[i], HVIS_ERROR_INVALID, "not a name of a file");
	check_refused("", "/srv/", "", HVIS_ERROR_INVALID, "has no name");
	check_refused("", "/srv", "", HVIS_ERROR_INVALID, "has no name");
	check_refused("", "", "a", HVIS_ERROR_INVALID, "no path");
	check_refused("", "srv/", "a", HVIS_ERROR_INVALID, "not an absolute path");
	check_refused("", "./srv/", "a", HVIS_ERROR_INVALID, "not an absolute path");
	check_refused("", "\\srv\\", "a", HVIS_ERROR_INVALID, "not an absolute path");
	check_refused("", "/srv/../etc/", "a", HVIS_ERROR_INVALID, "\"..\" are not taken");
	check_refused("", "/srv/..", "a", HVIS_ERROR_INVALID, "\"..\" are not taken");
	check_refused("", "/srv/./", "a", HVIS_ERROR_INVALID, "\"..\" are not taken");
	check_refused("", "/..", "a", HVIS_ERROR_INVALID, "\"..\" are not taken");
	check_refused("", "/srv/in/..//", "a", HVIS_ERROR_INVALID, "\"..\" are not taken");
}

static void test_lengths(void)
{
	g_autofree char *most = g_strnfill(255, 'n'), *more = g_strnfill(256, 'n');
	g_autofree char *target = g_strconcat("/srv/", most, NULL);
	g_autofree char *much = g_strnfill(5000, '/'), *path = g_strconcat("/srv", much, NULL);

	check_found("", "/srv/", most, target);
	check_refused("", "/srv/", more, HVIS_ERROR_INVALID, "File name too long");
	check_refused("", path, "a", HVIS_ERROR_INVALID, "too long");
}

static void test_escaped(void)
{
	check_refused("", "/no\033[2J\nx/", "a", HVIS_ERROR_NOT_FOUND,
		"/no\\x1b[2J\\nx/: there is no directory no\\x1b[2J\\nx");
	check_refused("", "/srv/", "a\n/", HVIS_ERROR_INVALID, "a\\n/: not a name");
	check_refused("", "/srv/\n/..", "a", HVIS_ERROR_INVALID, "/srv/\\n/..: ");
}

/* --- what is there --- */

static void test_directories(void)
{
	check_refused("", "/srv/none/", "a", HVIS_ERROR_NOT_FOUND, "there is no directory none");
	check_refused("", "/srv/none/a", "b", HVIS_ERROR_NOT_FOUND, "there is no directory none");
	check_refused("", "/srv/file/", "a", HVIS_ERROR_NOT_FOUND, "file is not a directory");
	check_refused("", "/srv/file/a", "b", HVIS_ERROR_NOT_FOUND, "file is not a directory");
}

static void test_links(void)
{
	check_refused("", "/srv/to-in/", "a", HVIS_ERROR_PERMISSION, "to-in is a symbolic link");
	check_refused("", "/srv/to-in/a", "b", HVIS_ERROR_PERMISSION, "to-in is a symbolic link");
	check_refused("", "/srv/to-etc/", "a", HVIS_ERROR_PERMISSION, "is a symbolic link");
	check_refused("", "/linked/secret/", "a", HVIS_ERROR_PERMISSION, "linked is a symbolic");
	check_refused("", "/srv/to-in", "a", HVIS_ERROR_EXISTS, "is there already");
	check_refused("", "/srv/dangling", "a", HVIS_ERROR_EXISTS, "is there already");
	check_refused("", "/srv/dangling/", "a", HVIS_ERROR_PERMISSION, "is a symbolic link");
}

static void check_kind(const char *name, HvisErrorCode overwriting, const char *text)
{
	FcopyWanted wanted = { .path = "/srv/", .name = name };
	g_autofree char *kind = g_strndup(text, strcspn(text, ","));
	g_autofree char *there = g_strconcat("is there already, and ", kind, NULL);

	check_refused_as("", &wanted, HVIS_ERROR_EXISTS, there);
	wanted.overwrite = TRUE;
	check_refused_as("", &wanted, overwriting, text);
}

static void test_kinds(void)
{
	const FcopyWanted wanted = { .path = "/srv/", .name = "file", .overwrite = TRUE };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_autofree char *is = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(mkfifoat(s.root, "srv/fifo", 0644), ==, 0);
	g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/srv/socket", s.path);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	close(fd);
	check_refused("", "/srv/", "file", HVIS_ERROR_EXISTS, "/srv/file: is there already");
	is = found("", &wanted);
	g_assert_cmpstr(is, ==, "/srv/file");
	check_kind("in", HVIS_ERROR_PERMISSION, "is a directory, and not replaced");
	check_kind("to-file", HVIS_ERROR_PERMISSION, "is a symbolic link, and not replaced");
	check_kind("dangling", HVIS_ERROR_PERMISSION, "is a symbolic link, and not replaced");
	check_kind("fifo", HVIS_ERROR_PERMISSION, "is a FIFO, and not replaced");
	check_kind("socket", HVIS_ERROR_PERMISSION, "is a socket, and not replaced");
	if (mknodat(s.root, "srv/device", S_IFCHR | 0600, 0) == 0) /* overlayfs' whiteout */
		check_kind("device", HVIS_ERROR_PERMISSION, "is a device, and not replaced");
}

/* --- Allow= and Deny= --- */

static void test_allow(void)
{
	const char *lines = "Allow=/srv/in /linked";

	check_found(lines, "/srv/in/", "a", "/srv/in/a");
	check_found(lines, "/srv/in", "a", "/srv/in/a");
	check_found(lines, "/srv/in/a", "b", "/srv/in/a");
	check_found(lines, "/srv/in/deep/", "a", "/srv/in/deep/a");
	check_found(lines, "/linked/", "a", "/linked/a"); /* trusted: it is configured */
	check_found(lines, "/linked/secret/", "a", "/linked/secret/a");
	check_refused(lines, "/srv/", "a", HVIS_ERROR_PERMISSION, "Allow=/srv/in /linked");
	check_refused(lines, "/srv/", "in", HVIS_ERROR_PERMISSION, "Allow=");
	check_refused(lines, "/srv/inside/", "a", HVIS_ERROR_PERMISSION, "Allow=");
	check_refused(lines, "/srv/in/../", "a", HVIS_ERROR_INVALID, "not taken");
	check_refused(lines, "/real/", "a", HVIS_ERROR_PERMISSION, "Allow=");
	check_refused("Allow=", "/srv/", "a", HVIS_ERROR_PERMISSION, "Allow=");
	check_refused("Allow=/none", "/none/", "a", HVIS_ERROR_NOT_FOUND, "/none, which Allow=");
}

static void test_deny(void)
{
	check_refused("Deny=/etc", "/etc/", "a", HVIS_ERROR_PERMISSION, "denied by Deny=/etc");
	check_refused("Deny=/etc", "/etc", "a", HVIS_ERROR_PERMISSION, "denied by Deny=/etc");
	check_refused("Deny=/srv", "/srv/in/deep/", "a", HVIS_ERROR_PERMISSION, "Deny=/srv");
	check_refused(
		"Deny=/srv/*.so", "/srv/in/", "a.so", HVIS_ERROR_PERMISSION, "Deny=/srv/*.so");
	check_refused("Deny=/srv/*.so", "/srv/in", "a.so", HVIS_ERROR_PERMISSION, "Deny=/srv/*.so");
	check_refused("Deny=/srv/*.so", "/srv/in/a.so", "b", HVIS_ERROR_PERMISSION, "Deny=/srv/*");
	check_found("Deny=/srv/*.so", "/srv/in/", "a.txt", "/srv/in/a.txt");
	check_found("Deny=/etc", "/srv/", "etc", "/srv/etc");
	check_refused("Deny=/", "/srv/", "a", HVIS_ERROR_PERMISSION, "Deny=/");
}

/* The place counts, whatever it is called on the way. */
static void test_deny_by_other_name(void)
{
	const char *allow = "Allow=/linked / /srv/to-etc\n";
	g_autofree char *secret = g_strconcat(allow, "Deny=/real/secret", NULL);
	g_autofree char *linked = g_strconcat(allow, "Deny=/linked/secret", NULL);
	g_autofree char *pattern = g_strconcat(allow, "Deny=/real/s*t", NULL);
	g_autofree char *above = g_strconcat(allow, "Deny=/real", NULL);

	check_refused(secret, "/linked/secret/", "a", HVIS_ERROR_PERMISSION, "Deny=/real/secret");
	check_refused(secret, "/linked/secret/below/", "a", HVIS_ERROR_PERMISSION, "Deny=/real/s");
	check_refused(linked, "/real/secret/below/", "a", HVIS_ERROR_PERMISSION, "Deny=/linked/s");
	check_refused(pattern, "/linked/secret/", "a", HVIS_ERROR_PERMISSION, "Deny=/real/s*t");
	check_refused(above, "/linked/", "a", HVIS_ERROR_PERMISSION, "Deny=/real");
	check_found(secret, "/linked/", "a", "/linked/a");
	/* as it is spelled, too */
	check_refused("Allow=/linked\nDeny=/linked/s*t", "/linked/secret/", "a",
		HVIS_ERROR_PERMISSION, "Deny=/linked/s*t");
	check_refused("Allow=/linked\nDeny=/linked/*.no", "/linked", "a.no", HVIS_ERROR_PERMISSION,
		"Deny=/linked/*.no");
}

/* As on vfat, where one file has names in capitals and short ones. */
static void test_deny_file_by_other_name(void)
{
	const FcopyWanted wanted = { .path = "/srv/", .name = "FILE~1", .overwrite = TRUE };
	g_autofree char *is = NULL;

	g_assert_cmpint(linkat(s.root, "srv/file", s.root, "srv/FILE~1", 0), ==, 0);
	is = found("", &wanted);
	g_assert_cmpstr(is, ==, "/srv/FILE~1");
	check_refused_as("Deny=/srv/file", &wanted, HVIS_ERROR_PERMISSION, "Deny=/srv/file");
	check_refused("Deny=/srv/new", "/srv/", "NEW", HVIS_ERROR_PERMISSION, "Deny=/srv/new");
	check_refused("Deny=/srv/*.new", "/srv/", "a.New", HVIS_ERROR_PERMISSION, "Deny=/srv/*.n");
}

/* One of Allow= that leads to below one of Deny=. */
static void test_deny_above_allow(void)
{
	scratch_link(&s, "real/secret/below", "/below");
	check_refused("Allow=/below\nDeny=/real/secret", "/below/", "a", HVIS_ERROR_PERMISSION,
		"Deny=/real/secret");
	check_refused("Allow=/below\nDeny=/linked/secret", "/below/", "a", HVIS_ERROR_PERMISSION,
		"Deny=/linked/secret");
	check_found("Allow=/below", "/below/", "a", "/below/a");
}

static void test_deny_bind_mount(void)
{
	g_autofree char *from = g_strconcat(s.path, "/real/secret", NULL);
	g_autofree char *to = g_strconcat(s.path, "/mnt", NULL);

	scratch_mkdir(&s, "/mnt");
	if (!may_mount || mount(from, to, NULL, MS_BIND, NULL) < 0) {
		g_test_skip("not allowed to mount");
		return;
	}
	check_refused(
		"Deny=/real/secret", "/mnt/below/", "a", HVIS_ERROR_PERMISSION, "Deny=/real/s");
	check_refused(
		"Deny=/real/secret", "/mnt/", "a", HVIS_ERROR_PERMISSION, "Deny=/real/secret");
	check_found("", "/mnt/", "a", "/mnt/a");
	g_assert_cmpint(umount2(to, MNT_DETACH), ==, 0);
	g_free(from); /* what is below one of them */
	from = g_strconcat(s.path, "/real/secret/below", NULL);
	g_assert_cmpint(mount(from, to, NULL, MS_BIND, NULL), ==, 0);
	check_refused(
		"Deny=/real/secret", "/mnt/", "a", HVIS_ERROR_PERMISSION, "Deny=/real/secret");
	check_refused(
		"Deny=/linked/secret", "/mnt/a", "a", HVIS_ERROR_PERMISSION, "Deny=/linked/s");
	check_found("Deny=/real/other", "/mnt/", "a", "/mnt/a");
	g_assert_cmpint(umount2(to, MNT_DETACH), ==, 0);
}

/* --- directories made --- */

static void check_made(const char *lines, const char *path, const char *name, const char *target)
{
	const FcopyWanted wanted = { .path = path, .name = name, .create_path = TRUE };
	g_autofree char *is = found(lines, &wanted);

	g_assert_cmpstr(is, ==, target);
}

static void test_create(void)
{
	struct stat st;

	check_made("", "/srv/x/y/z/", "a", "/srv/x/y/z/a");
	check_made("", "/srv/x/v/w", "a", "/srv/x/v/w");
	g_assert_true(scratch_has(&s, "/srv/x/y/z"));
	g_assert_true(scratch_has(&s, "/srv/x/v"));
	g_assert_false(scratch_has(&s, "/srv/x/v/w"));
	check_made("DirectoryMode=0710", "/srv/mode/", "a", "/srv/mode/a");
	g_assert_cmpint(fstatat(s.root, "srv/mode", &st, 0), ==, 0);
	g_assert_cmphex(st.st_mode, ==, S_IFDIR | 0710);
	check_made("DirectoryMode=0777", "/srv/open/", "a", "/srv/open/a"); /* whatever the umask */
	g_assert_cmpint(fstatat(s.root, "srv/open", &st, 0), ==, 0);
	g_assert_cmphex(st.st_mode, ==, S_IFDIR | 0777);
}

/* What failed leaves no directories behind, and what is denied is not made first. */
static void test_create_undone(void)
{
	FcopyWanted wanted = { .path = "/srv/p/q/", .name = "a", .create_path = TRUE };
	g_autofree char *more = g_strnfill(256, 'n');
	struct stat before, after;

	check_refused_as("Deny=/srv/p/q/a", &wanted, HVIS_ERROR_PERMISSION, "Deny=/srv/p/q/a");
	wanted.name = more;
	check_refused_as("", &wanted, HVIS_ERROR_INVALID, "too long");
	g_assert_false(scratch_has(&s, "/srv/p"));
	wanted.name = "";
	check_refused_as("", &wanted, HVIS_ERROR_INVALID, "no name");
	g_assert_false(scratch_has(&s, "/srv/p"));
	wanted = (FcopyWanted){ .path = "/srv/to-etc/p/", .name = "a", .create_path = TRUE };
	check_refused_as("", &wanted, HVIS_ERROR_PERMISSION, "is a symbolic link");
	wanted.path = "/srv/dangling/";
	check_refused_as("", &wanted, HVIS_ERROR_PERMISSION, "is a symbolic link");
	g_assert_false(scratch_has(&s, "/srv/nowhere"));
	wanted.path = "/linked/secret/new/";
	g_assert_cmpint(fstatat(s.root, "real/secret", &before, 0), ==, 0);
	check_refused_as("Allow=/linked\nDeny=/real/secret/n*", &wanted, HVIS_ERROR_PERMISSION,
		"Deny=/real/secret/n*");
	g_assert_false(scratch_has(&s, "/real/secret/new"));
	g_assert_cmpint(fstatat(s.root, "real/secret", &after, 0), ==, 0);
	g_assert_cmpint(before.st_mtim.tv_sec, ==, after.st_mtim.tv_sec); /* not made and removed */
	g_assert_cmpint(before.st_mtim.tv_nsec, ==, after.st_mtim.tv_nsec);
}

static void test_create_owner(void)
{
	g_autoptr(FcopyPolicy) policy = NULL;
	const FcopyWanted wanted = { .path = "/srv/owned/", .name = "a", .create_path = TRUE };
	g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
	struct stat st;

	if (geteuid() != 0) {
		g_test_skip("needs root");
		return;
	}
	policy = scratch_policy(&s, "Owner=1234:4321");
	g_assert_true(fcopy_place_find(s.root, policy, &wanted, &place, NULL));
	g_assert_cmpint(fstatat(s.root, "srv/owned", &st, 0), ==, 0);
	g_assert_cmpuint(st.st_uid, ==, 1234);
	g_assert_cmpuint(st.st_gid, ==, 4321);
}

/* --- file systems without files --- */

static void test_pseudo(void)
{
	static const struct {
		const char *path, *type;
	} cases[] = {
		{ "/proc/", "proc" },
		{ "/proc/sys/kernel/", "proc" },
		{ "/sys/kernel/", "sysfs" },
		{ "/dev/", "devtmpfs" },
		{ "/dev/pts/", "devpts" },
	};
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, "");
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const FcopyWanted wanted = { .path = cases[i].path, .name = "fcopy-test" };
		g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
		g_autofree char *text = g_strdup_printf("of type %s", cases[i].type);
		g_autoptr(GError) error = NULL;

		if (access(cases[i].path, F_OK) < 0)
			continue;
		g_assert_false(fcopy_place_find(root, policy, &wanted, &place, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
		g_assert_nonnull(strstr(error->message, text));
	}
	close(root);
}

/* A link of the kernel's, which opens what it does not name. */
static void test_magic_link(void)
{
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, "");
	const FcopyWanted wanted = { .path = "/proc/self/root/tmp/", .name = "fcopy-test" };
	g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
	g_autoptr(GError) error = NULL;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	g_assert_false(fcopy_place_find(root, policy, &wanted, &place, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PERMISSION));
	close(root);
}

/* --- again, later --- */

static void test_open_again(void)
{
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, "Allow=/linked");
	const FcopyWanted wanted = { .path = "/linked/secret/below", .name = "a" };
	g_auto(FcopyPlace) place = FCOPY_PLACE_INIT;
	struct stat there, again;
	int fd;

	g_assert_true(fcopy_place_find(s.root, policy, &wanted, &place, NULL));
	g_assert_cmpstr(place.base, ==, "/linked");
	g_assert_cmpstr(place.below, ==, "secret/below");
	fd = fcopy_place_open(s.root, place.base, place.below, NULL);
	g_assert_cmpint(fstat(place.dir, &there), ==, 0);
	g_assert_cmpint(fstat(fd, &again), ==, 0);
	g_assert_cmpuint(there.st_ino, ==, again.st_ino);
	close(fd);
	g_assert_cmpint(fcopy_place_open(s.root, "/", "srv/to-etc", NULL), ==, -1);
}

int main(int argc, char **argv)
{
	int rc;

	g_test_init(&argc, &argv, NULL);
	umask(022);
	/* a namespace of its own: nothing stays mounted, whatever becomes of the test */
	may_mount =
		unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	make_tree();
	g_test_add_func("/fcopyd/place/forms", test_forms);
	g_test_add_func("/fcopyd/place/words", test_words);
	g_test_add_func("/fcopyd/place/lengths", test_lengths);
	g_test_add_func("/fcopyd/place/escaped", test_escaped);
	g_test_add_func("/fcopyd/place/directories", test_directories);
	g_test_add_func("/fcopyd/place/links", test_links);
	g_test_add_func("/fcopyd/place/kinds", test_kinds);
	g_test_add_func("/fcopyd/place/allow", test_allow);
	g_test_add_func("/fcopyd/place/deny", test_deny);
	g_test_add_func("/fcopyd/place/deny-by-other-name", test_deny_by_other_name);
	g_test_add_func("/fcopyd/place/deny-file-by-other-name", test_deny_file_by_other_name);
	g_test_add_func("/fcopyd/place/deny-above-allow", test_deny_above_allow);
	g_test_add_func("/fcopyd/place/deny-bind-mount", test_deny_bind_mount);
	g_test_add_func("/fcopyd/place/create", test_create);
	g_test_add_func("/fcopyd/place/create-undone", test_create_undone);
	g_test_add_func("/fcopyd/place/create-owner", test_create_owner);
	g_test_add_func("/fcopyd/place/pseudo", test_pseudo);
	g_test_add_func("/fcopyd/place/magic-link", test_magic_link);
	g_test_add_func("/fcopyd/place/open-again", test_open_again);
	rc = g_test_run();
	scratch_deinit(&s);
	return rc;
}
