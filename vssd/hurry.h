/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Short grace periods while file systems are being frozen. The kernel waits three times in each FIFREEZE until all
 * who read without a lock have gone by (RCU), two of them with writers held up already: tens of milliseconds in
 * which nothing is done. With its switch rcu_expedited on it asks all processors instead, and waits for
 * microseconds. The switch is the whole machine's, so it is on for as long as the freezing takes and not while
 * all is frozen. Who has forbidden that by rcu_normal has it forbidden still.
 *
 * The guard has it, for it outlives a worker; and a note of it beside the marker outlives the guard.
 */
#pragma once

#include <stdbool.h>

#define VSS_HURRY_SWITCH "/sys/kernel/rcu_expedited"
#define VSS_HURRY_NOTE ".hurry" /* behind the marker's name: the switch is on */

struct vss_hurry {
	int fd; /* of the switch; -1: it is not ours */
	bool on;
	char note[4096];
};

/* Nothing is on, and nothing has to be undone. */
#define VSS_HURRY_INIT ((struct vss_hurry){ .fd = -1 })

/*
 * On, where there is a file @path, which may be NULL, that can be written and is off. Where it cannot be, freezing
 * takes longer; that is all.
 */
void vss_hurry_begin(struct vss_hurry *hurry, const char *path, const char *marker);

/* Off, by one write(2) at most; nothing where it has been ended before. */
void vss_hurry_end(struct vss_hurry *hurry);

/* Off, and no note of it any more: what was begun is over. */
void vss_hurry_forget(struct vss_hurry *hurry);

/* The same, with the switch @path, for one whose process is gone, if there is a note of it beside @marker. */
void vss_hurry_undo(const char *path, const char *marker);
