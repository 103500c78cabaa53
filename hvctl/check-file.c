/* SPDX-License-Identifier: GPL-2.0-only */
/* What is wrong with a pool file apart from its bytes. Modes and owners are a contract with others. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hvctl/check.h"
#include "hvctl/diagnose.h"
#include "hvctl/holder.h"
#include "util/fd.h"
#include "util/output.h"

#define SELINUX_TYPE "hypervkvp_var_lib_t" /* of Fedora's and RHEL's policy */

static struct json_object *text_or_null(const char *text)
{
	g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

	return valid ? json_object_new_string(valid) : NULL;
}

void hvctl_findings_add(HvctlFindings *findings, const HvctlFinding *f)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "file", text_or_null(findings->path));
	json_object_object_add(
		object, "record", f->record < 0 ? NULL : json_object_new_int64(f->record));
	json_object_object_add(object, "key", text_or_null(f->key));
	json_object_object_add(object, "problem", text_or_null(f->problem));
	json_object_object_add(object, "meaning", text_or_null(f->meaning));
	json_object_object_add(object, "repair", text_or_null(f->repair));
	json_object_object_add(object, "by_hand", text_or_null(f->by_hand));
	json_object_object_add(object, "mended", json_object_new_boolean(f->mended));
	json_object_object_add(object, "note", json_object_new_boolean(f->note));
	json_object_array_add(findings->list, object);
	findings->remaining += !f->mended && !f->note;
}

static void add(HvctlFindings *findings, const char *problem, const char *meaning,
	const char *repair, gboolean mended)
{
	const HvctlFinding finding = { .record = -1,
		.problem = problem,
		.meaning = meaning,
		.repair = repair,
		.mended = mended };

	hvctl_findings_add(findings, &finding);
}

/*
 * What @st is of, open to be mended; -1 where it is not to be, or is something else by now. Who owns
 * the directory by mistake may put a link to another's file there at any time.
 */
static int open_to_mend(const char *path, const struct stat *st, gboolean repair)
{
	hvis_autofd int fd =
		repair ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	struct stat now;

	if (fd < 0 || fstat(fd, &now) < 0 || now.st_dev != st->st_dev || now.st_ino != st->st_ino ||
		(S_ISREG(now.st_mode) && now.st_nlink != 1))
		return -1;
	return hvis_fd_steal(&fd);
}

/* @fd: of what is to be mended, or -1. */
static void check_mode(HvctlFindings *findings, int fd, const struct stat *st, mode_t want)
{
	g_autofree char *meaning = g_strdup_printf("mode %04o, should be %04o: %s",
		(unsigned)(st->st_mode & 07777), (unsigned)want,
		(st->st_mode & 0022) ? "others could write it" : "programs that read it cannot");

	if ((st->st_mode & 07777) != want)
		add(findings, "mode", meaning, "chmod", fd >= 0 && fchmod(fd, want) == 0);
}

/* Root's, or the daemon's own where it has one. Of the directory: root's alone. */
static void check_owner(HvctlFindings *findings, int fd, const struct stat *st, gboolean is_dir)
{
	const struct passwd *daemon = is_dir ? NULL : getpwnam(HVCTL_KVP_USER);
	uid_t uid = daemon ? daemon->pw_uid : 0;
	gid_t gid = daemon ? daemon->pw_gid : 0;
	g_autofree char *meaning = g_strdup_printf("owned by user %u, not by root%s: that user "
						   "can change what the host is told",
		(unsigned)st->st_uid, daemon ? " or " HVCTL_KVP_USER : "");

	if (st->st_uid != 0 && st->st_uid != uid)
		add(findings, "owner", meaning, "chown", fd >= 0 && fchown(fd, uid, gid) == 0);
}

/* Only where SELinux is on; other machines have no labels, or stale ones that do no harm. */
static void check_label(HvctlFindings *findings, const char *path)
{
	char label[256];
	g_auto(GStrv) parts = NULL;
	g_autofree char *meaning = NULL;
	ssize_t n;

	if (access("/sys/fs/selinux/enforce", F_OK) < 0)
		return;
	n = lgetxattr(path, "security.selinux", label, sizeof(label) - 1);
	label[n < 0 ? 0 : n] = '\0';
	parts = g_strsplit(label, ":", -1);
	if (n >= 0 && g_strv_length(parts) > 2 && g_str_equal(parts[2], SELINUX_TYPE))
		return;
	meaning = g_strdup_printf("SELinux label \"%s\", should be of type " SELINUX_TYPE
				  ": \"restorecon -RFv\" on the directory sets it",
		label);
	add(findings, "label", meaning, NULL, FALSE);
}

static void check_any(HvctlFindings *findings, const char *path, gboolean is_dir, gboolean repair)
{
	hvis_autofd int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0) {
		add(findings, errno == ENOENT ? "missing" : "unreadable", g_strerror(errno),
			errno == ENOENT ? "created" : NULL, FALSE);
		return;
	}
	if (is_dir ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
		add(findings, "kind", is_dir ? "not a directory" : "not a regular file", NULL,
			FALSE);
		return;
	}
	if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		add(findings, "linked",
			"it has another name, too (a hard link): what is changed here changes "
			"there, so "
			"nothing is changed",
			NULL, FALSE);
	fd = open_to_mend(path, &st, repair);
	check_owner(findings, fd, &st, is_dir); /* first: the old one could change the mode again */
	check_mode(findings, fd, &st, is_dir ? 0755 : 0644);
	check_label(findings, path);
}

void hvctl_check_file(HvctlFindings *findings, const char *path, gboolean repair)
{
	check_any(findings, path, FALSE, repair);
}

void hvctl_check_dir(HvctlFindings *findings, const char *path, gboolean repair)
{
	check_any(findings, path, TRUE, repair);
}

/* The daemon and others hold one for an instant; who still has it after a while is worth a line. */
void hvctl_check_lock(HvctlFindings *findings, const char *path)
{
	g_auto(HvctlHolder) holder = { 0 };
	g_autofree char *who = NULL, *meaning = NULL;
	HvctlFinding finding = { .record = -1, .problem = "locked", .note = TRUE };

	if (!hvctl_holder_find(path, &holder))
		return;
	who = hvctl_holder_text(&holder);
	meaning = g_strconcat(who, " holds a lock on it; changes wait until it lets go", NULL);
	finding.meaning = meaning;
	hvctl_findings_add(findings, &finding);
}
