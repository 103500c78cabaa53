/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who freezes and thaws: one of the two daemons, asked as the kernel asks it, or fsfreeze(8), run for one file
 * system after the other.
 */
#pragma once

#include "bench/lib/daemon.h"
#include "bench/vss/volumes.h"

typedef enum { SIDE_OURS, SIDE_PEER, SIDE_FSFREEZE, SIDE_N } SideKind;

typedef struct {
	SideKind kind;
	Daemon daemon; /* of the daemons; of fsfreeze its name, program and environment */
} Side;

/*
 * @place has the programs: hv_vss_daemon, hv_vss_worker, hv_vss_guard, peer (the distribution's daemon), fsfreeze,
 * peer-shim.so, note-shim.so. @notes is the file for the last. A daemon is started.
 */
gboolean side_init(Side *side, SideKind kind, const char *place, const char *notes, GError **error);
void side_deinit(Side *side);

/* FALSE where it does not, or says that it did not. */
gboolean side_freeze(Side *side, const Volumes *volumes, GError **error);
gboolean side_thaw(Side *side, const Volumes *volumes, GError **error);
