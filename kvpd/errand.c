/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread, and an idle source that it leaves behind. What is given up is known to the main context alone. */
#include "config.h"

#include "kvpd/errand.h"

struct KvpErrand {
	const KvpErrandOps *ops;
	gpointer work, owner;
	gboolean given_up;
};

static void errand_free(gpointer data)
{
	KvpErrand *errand = data;

	errand->ops->free(errand->work);
	g_free(errand);
}

static gboolean on_end(gpointer data)
{
	KvpErrand *errand = data;

	if (!errand->given_up)
		errand->ops->done(errand->work, errand->owner);
	return G_SOURCE_REMOVE;
}

static gpointer run(gpointer data)
{
	KvpErrand *errand = data;

	errand->ops->run(errand->work);
	g_idle_add_full(G_PRIORITY_DEFAULT, on_end, errand, errand_free);
	return NULL;
}

KvpErrand *kvp_errand_start(const KvpErrandOps *ops, gpointer work, gpointer owner)
{
	KvpErrand *errand = g_new(KvpErrand, 1);
	GThread *thread;

	*errand = (KvpErrand){ ops, work, owner, FALSE };
	thread = g_thread_try_new("errand", run, errand, NULL);
	if (!thread) {
		errand_free(errand);
		return NULL;
	}
	g_thread_unref(thread);
	return errand;
}

void kvp_errand_give_up(KvpErrand *errand)
{
	if (errand)
		errand->given_up = TRUE;
}
