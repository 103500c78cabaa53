/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that sit in KVM_RUN, and how they are got out of it: the flag immediate_exit for the time
 * before the call, a signal for the time within. Signals of the program stay on its main thread.
 */
#pragma once

#include <glib.h>
#include <linux/kvm.h>
#include <pthread.h>

/* Start @func on a thread of its own with all signals blocked but the kick. */
gboolean kick_start(pthread_t *thread, struct kvm_run *run, const char *name, void *(*func)(void *),
	gpointer data, GError **error);
/* Make KVM_RUN on @thread return EINTR now, or at once when it is called. */
void kick_out(pthread_t thread, struct kvm_run *run);
