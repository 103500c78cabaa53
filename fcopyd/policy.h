/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the host may put files, and what they are like there: Allow=, Deny=, Mode=, Owner=, DirectoryMode= and
 * Reserve= of [fcopy] of the configuration. Only read and checked here; fcopyd/place.h goes by it.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <util/config.h>

/* The rows of the table of configuration keys that are read here. */
#define FCOPY_POLICY_KEYS                                                                          \
	{ "fcopy", "Allow", HVIS_CONFIG_LIST, "/", 0, 0, NULL,                                     \
		"Directories in and below which the host may put files." },                        \
		{ "fcopy", "Deny", HVIS_CONFIG_LIST, "", 0, 0, NULL,                               \
			"Patterns of files and directories that the host may not put, nor "        \
			"anything below them." },                                                  \
		{ "fcopy", "Mode", HVIS_CONFIG_STRING, "0644", 0, 0, NULL,                         \
			"Permissions of the files, octal." },                                      \
		{ "fcopy", "DirectoryMode", HVIS_CONFIG_STRING, "0755", 0, 0, NULL,                \
			"Permissions of the directories made on the way, octal." },                \
		{ "fcopy", "Owner", HVIS_CONFIG_STRING, "root:root", 0, 0, NULL,                   \
			"Whose files and directories they are: a user, or user:group." },          \
	{                                                                                          \
		"fcopy", "Reserve", HVIS_CONFIG_SIZE, "0", 0, G_MAXINT64, NULL,                    \
			"What must stay free in a file system, besides what it keeps for root."    \
	}

typedef struct {
	/* without "." and "..", doubled and trailing slashes */
	char **allow; /* absolute */
	char **deny; /* patterns of fnmatch(3), where * has slashes too; absolute, or begin with it */
	mode_t mode, directory_mode;
	uid_t uid;
	gid_t gid;
	guint64 reserve;
	char *state_dir; /* where temporary names are noted; NULL: no file gets one */
} FcopyPolicy;

/*
 * @config has the keys above. HVIS_ERROR_INVALID with file and line where a value is none. @state_dir may be NULL
 * where nothing is overwritten and the file systems have unnamed files: tests.
 */
FcopyPolicy *fcopy_policy_new(HvisConfig *config, const char *state_dir, GError **error);
void fcopy_policy_free(FcopyPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcopyPolicy, fcopy_policy_free)

/*
 * The directory of Allow= that @path is in or is: the longest one, of those that its components begin with. NULL
 * where there is none. @path is absolute and clean.
 */
const char *fcopy_policy_allowed(const FcopyPolicy *policy, const char *path);

/*
 * The pattern of Deny= that is meant for @path, or for a directory above it, in capitals or not: not all file
 * systems tell these apart. NULL = none.
 */
const char *fcopy_policy_denied(const FcopyPolicy *policy, const char *path);
