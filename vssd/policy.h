/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the administrator wants frozen and what not: [vss] of the configuration, and x-hvis.freeze=
 * of fstab. It is only read here; the plan decides.
 */
#pragma once

#include <glib.h>

#include <util/config.h>

/* A mount point of fstab with an option x-hvis.freeze=. */
typedef struct {
	char *target;
	char *value; /* as it is written: "no", "require", or wrong */
} VssWish;

typedef struct {
	char **exclude, **require; /* patterns of mount points and sources, or types; may be NULL */
	GPtrArray *wishes; /* of VssWish */
	gboolean allow_nothing; /* freezing nothing is a success */
	char *journal; /* directory of the journal: its file system is frozen late */
} VssPolicy;

/* @config has the keys of [vss]; fstab is read below @root. FALSE where fstab cannot be read. */
VssPolicy *vss_policy_read(HvisConfig *config, const char *root, GError **error);
void vss_policy_free(VssPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssPolicy, vss_policy_free)

/*
 * Whether one of @patterns (NULL: none) is meant for a file system: one that starts with / is
 * compared with @path as by fnmatch(3), where * has slashes too, any other one with @type.
 */
const char *vss_policy_match(char *const *patterns, const char *path, const char *type);

/* The value of x-hvis.freeze= for @target, or NULL. */
const char *vss_policy_wish(const VssPolicy *policy, const char *target);
