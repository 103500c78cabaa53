/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The self-test: whether this process sees what the system sees. A sandbox of its unit (ProtectHome=
 * and the like) would give it a mount namespace of its own, in which a plan made from the table of
 * process 1 cannot be carried out. Only tables are compared, nothing is opened.
 */
#pragma once

#include "vssd/plan.h"

/*
 * Whether each file system that @plan freezes in the view of process 1 is to be seen at the same place
 * in ours, or the view of process 1 can be entered; both are looked for below @proc ("/proc"). Else
 * FALSE with the first one that is not: HVIS_ERROR_UNSUPPORTED, or what reading our own table fails with.
 */
gboolean vss_view_check(const VssPlan *plan, const char *proc, GError **error);
