/* SPDX-License-Identifier: GPL-2.0-only */
/* libmount's tables and their iterators, let go of at the end of a block. */
#pragma once

#include <glib.h>
#include <libmount/libmount.h>

typedef struct libmnt_table MountTable;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountTable, mnt_unref_table)
typedef struct libmnt_iter MountIter;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountIter, mnt_free_iter)
