/* SPDX-License-Identifier: GPL-2.0-only */
/* File system types, by name; what has no row is local if it has a block device, else pseudo. */
#include "config.h"

#include "vssd/fstype.h"

#include <string.h>

static const struct {
	const char *name; /* as a whole, or up to a dot */
	VssType type;
} known[] = {
	/* Local, although their device number is not that of a disk. */
	{ "btrfs", VSS_TYPE_LOCAL },
	{ "bcachefs", VSS_TYPE_LOCAL },
	/* On disks, without freeze_fs or freeze_super in the kernel. */
	{ "adfs", VSS_TYPE_UNSUPPORTED },
	{ "affs", VSS_TYPE_UNSUPPORTED },
	{ "exfat", VSS_TYPE_UNSUPPORTED },
	{ "hfs", VSS_TYPE_UNSUPPORTED },
	{ "hfsplus", VSS_TYPE_UNSUPPORTED },
	{ "jffs2", VSS_TYPE_UNSUPPORTED },
	{ "minix", VSS_TYPE_UNSUPPORTED },
	{ "msdos", VSS_TYPE_UNSUPPORTED },
	{ "ntfs", VSS_TYPE_UNSUPPORTED },
	{ "ntfs3", VSS_TYPE_UNSUPPORTED },
	{ "ubifs", VSS_TYPE_UNSUPPORTED },
	{ "udf", VSS_TYPE_UNSUPPORTED },
	{ "ufs", VSS_TYPE_UNSUPPORTED },
	{ "vfat", VSS_TYPE_UNSUPPORTED },
	{ "zfs", VSS_TYPE_UNSUPPORTED },
	{ "overlay", VSS_TYPE_LAYERED },
	{ "ecryptfs", VSS_TYPE_LAYERED },
	{ "9p", VSS_TYPE_NETWORK },
	{ "afs", VSS_TYPE_NETWORK },
	{ "beegfs", VSS_TYPE_NETWORK },
	{ "ceph", VSS_TYPE_NETWORK },
	{ "cifs", VSS_TYPE_NETWORK },
	{ "coda", VSS_TYPE_NETWORK },
	{ "gpfs", VSS_TYPE_NETWORK },
	{ "lustre", VSS_TYPE_NETWORK },
	{ "nfs", VSS_TYPE_NETWORK },
	{ "nfs4", VSS_TYPE_NETWORK },
	{ "orangefs", VSS_TYPE_NETWORK },
	{ "smb3", VSS_TYPE_NETWORK },
	{ "virtiofs", VSS_TYPE_NETWORK },
	{ "fuse", VSS_TYPE_FUSE },
	{ "fuseblk", VSS_TYPE_FUSE },
	{ "autofs", VSS_TYPE_AUTOFS },
};

VssType vss_type_of(const char *type, gboolean has_device)
{
	gsize len = strcspn(type, "."); /* "fuse.sshfs" */

	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (strlen(known[i].name) == len && strncmp(known[i].name, type, len) == 0)
			return known[i].type;
	return has_device ? VSS_TYPE_LOCAL : VSS_TYPE_PSEUDO;
}

/* Not those that are never written to: the superblock of a squashfs is read-only, however it is mounted. */
gboolean vss_type_gives_up(const char *type)
{
	static const char *const types[] = { "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs",
		"nilfs2", "ocfs2", "reiserfs", NULL };

	return g_strv_contains(types, type);
}

gboolean vss_type_may_hang(VssType type)
{
	return type == VSS_TYPE_NETWORK || type == VSS_TYPE_FUSE || type == VSS_TYPE_AUTOFS;
}
