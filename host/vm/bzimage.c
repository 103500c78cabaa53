// SPDX-License-Identifier: GPL-2.0-only
/*
 * bzImage header. Every number in it is checked before it is used: the file is the user's, and may
 * be anything.
 */
#include "config.h"

#include "host/vm/bzimage.h"

#include <string.h>
#include <hvis/types.h>
#include "util/error.h"

#define SECTOR 512u
#define SETUP_SECTS_DEFAULT 4u /* what 0 means */
#define BOOT_FLAG 0xaa55u
#define PROTOCOL_MIN 0x020cu /* first with xloadflags */
#define LOADED_HIGH 0x01u
#define XLF_KERNEL_64 0x0001u
#define LOAD_ADDRESS_MIN G_GUINT64_CONSTANT(0x100000)
#define LOAD_ADDRESS_MAX G_GUINT64_CONSTANT(0x40000000)
#define INIT_SIZE_MAX G_GUINT64_CONSTANT(0x40000000)

/* The setup header from 0x1f1 to 0x264, protocol 2.12. */
struct bzimage_setup {
	guint8 setup_sects;
	hvis_le16 root_flags;
	hvis_le32 syssize; /* payload in 16-byte units */
	hvis_le16 ram_size, vid_mode, root_dev, boot_flag;
	guint8 jump[2]; /* the second byte is the length of what follows 0x202 */
	char magic[4];
	hvis_le16 version;
	hvis_le32 realmode_swtch;
	hvis_le16 start_sys, kernel_version;
	guint8 type_of_loader, loadflags;
	hvis_le16 setup_move_size;
	hvis_le32 code32_start, ramdisk_image, ramdisk_size, bootsect_kludge;
	hvis_le16 heap_end_ptr;
	guint8 ext_loader_ver, ext_loader_type;
	hvis_le32 cmd_line_ptr, initrd_addr_max, kernel_alignment;
	guint8 relocatable_kernel, min_alignment;
	hvis_le16 xloadflags;
	hvis_le32 cmdline_size, hardware_subarch;
	hvis_le64 hardware_subarch_data;
	hvis_le32 payload_offset, payload_length;
	hvis_le64 setup_data, pref_address;
	hvis_le32 init_size;
};
static_assert(offsetof(struct bzimage_setup, magic) == 0x202 - BZIMAGE_HEADER, "setup header");
static_assert(offsetof(struct bzimage_setup, xloadflags) == 0x236 - BZIMAGE_HEADER, "setup header");
static_assert(offsetof(struct bzimage_setup, init_size) == 0x260 - BZIMAGE_HEADER, "setup header");

static gboolean bzimage_check(const struct bzimage_setup *setup, GError **error)
{
	guint16 version = hvis_le16_get(setup->version);

	if (hvis_le16_get(setup->boot_flag) != BOOT_FLAG || memcmp(setup->magic, "HdrS", 4) != 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "is not a bzImage (no setup header)");
	if (version < PROTOCOL_MIN)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"speaks boot protocol %u.%02u, 2.12 is needed", version >> 8,
			version & 0xff);
	if (!(setup->loadflags & LOADED_HIGH))
		return hvis_fail(error, HVIS_ERROR_INVALID, "is a zImage, not a bzImage");
	if (!(hvis_le16_get(setup->xloadflags) & XLF_KERNEL_64))
		return hvis_fail(error, HVIS_ERROR_INVALID, "has no 64-bit entry point");
	return TRUE;
}

static gboolean bzimage_check_sizes(const BzImage *image, guint64 file_len, GError **error)
{
	if (image->header_len < sizeof(struct bzimage_setup))
		return hvis_fail(error, HVIS_ERROR_INVALID, "has a setup header of %u bytes",
			image->header_len);
	if (image->file_offset >= file_len || image->file_len > file_len - image->file_offset)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"is cut short: %" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT, file_len,
			image->file_offset + image->file_len);
	if (image->file_len <= BZIMAGE_ENTRY64)
		return hvis_fail(error, HVIS_ERROR_INVALID, "has no kernel in it");
	if (image->load_address < LOAD_ADDRESS_MIN || image->load_address > LOAD_ADDRESS_MAX ||
		image->load_address % SECTOR)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"wants to be loaded at %#" G_GINT64_MODIFIER "x", image->load_address);
	if (image->init_size > INIT_SIZE_MAX || image->init_size < image->file_len)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"wants %" G_GUINT64_FORMAT " bytes of memory to begin with",
			image->init_size);
	return TRUE;
}

gboolean bzimage_parse(
	const guint8 *head, gsize head_len, guint64 file_len, BzImage *ret, GError **error)
{
	struct bzimage_setup setup;
	BzImage image = { 0 };
	guint sects, end;

	if (head_len < BZIMAGE_HEADER + sizeof(setup))
		return hvis_fail(error, HVIS_ERROR_INVALID, "is too short for a kernel");
	memcpy(&setup, head + BZIMAGE_HEADER, sizeof(setup));
	if (!bzimage_check(&setup, error))
		return FALSE;
	sects = setup.setup_sects ? setup.setup_sects : SETUP_SECTS_DEFAULT;
	end = 0x202u + setup.jump[1];
	image.protocol = hvis_le16_get(setup.version);
	image.file_offset = (guint64)(sects + 1) * SECTOR;
	image.file_len = (guint64)hvis_le32_get(setup.syssize) * 16;
	image.load_address = hvis_le64_get(setup.pref_address);
	image.init_size = hvis_le32_get(setup.init_size);
	image.initrd_max = hvis_le32_get(setup.initrd_addr_max);
	image.command_line_max = hvis_le32_get(setup.cmdline_size);
	image.header_len = MIN(end, BZIMAGE_HEADER_MAX) - BZIMAGE_HEADER;
	if (!bzimage_check_sizes(&image, file_len, error))
		return FALSE;
	if (BZIMAGE_HEADER + image.header_len > head_len)
		return hvis_fail(error, HVIS_ERROR_INVALID, "is too short for a kernel");
	memcpy(image.header, head + BZIMAGE_HEADER, image.header_len);
	*ret = image;
	return TRUE;
}
