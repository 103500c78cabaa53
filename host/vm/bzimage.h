/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The header of a Linux bzImage, as far as the 64-bit boot protocol needs it. Field offsets and
 * meanings: Documentation/x86/boot.rst of the kernel. Parsing only; boot.c loads.
 */
#pragma once

#include <glib.h>

#define BZIMAGE_HEADER 0x1f1u /* where the setup header begins, in file and boot_params */
#define BZIMAGE_HEADER_MAX 0x290u /* where the room for it in boot_params ends */
#define BZIMAGE_PARSE_SIZE 4096u /* enough of a file for bzimage_parse() */
#define BZIMAGE_ENTRY64 0x200u /* 64-bit entry point, from the start of the payload */

typedef struct {
	guint16 protocol; /* 0x020f = 2.15 */
	guint64 file_offset; /* payload in the file */
	guint64 file_len;
	guint64 load_address; /* where it wants to be */
	guint64 init_size; /* memory it takes there before it reads the map */
	guint64 initrd_max; /* highest address that the initramfs may occupy */
	guint32 command_line_max; /* without the final zero */
	guint8 header[BZIMAGE_HEADER_MAX - BZIMAGE_HEADER];
	guint header_len;
} BzImage;

/*
 * Parse the start of a file of @file_len bytes, of which @head_len are in @head. Errors name what is
 * wrong with it. @ret is untouched then.
 */
gboolean bzimage_parse(
	const guint8 *head, gsize head_len, guint64 file_len, BzImage *ret, GError **error);
