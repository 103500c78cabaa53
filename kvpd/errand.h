/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that may take for ever, as a question to a name service: a thread of its own, for which nobody ever
 * waits (what has to be done is for kvpd/worker.h). Whoever sends it out may give it up at any time.
 */
#pragma once

#include <glib.h>

typedef struct KvpErrand KvpErrand;

typedef struct {
	void (*run)(gpointer work); /* in the thread */
	void (*done)(gpointer work,
		gpointer owner); /* on the default main context, if it was not given up */
	void (*free)(gpointer work); /* the same, after it; always */
} KvpErrandOps;

/* NULL where no thread can be had; @work is freed then. Valid until done() is called or it is given up. */
KvpErrand *kvp_errand_start(const KvpErrandOps *ops, gpointer work, gpointer owner);

/* Nobody is told of its end any more. On the main context; NULL is fine. */
void kvp_errand_give_up(KvpErrand *errand);
