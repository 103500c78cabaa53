/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions that come while a look is under way wait for the next: a look must have begun after what
 * its asker has done before. The worker is its own, for those of others may all be waiting for locks.
 */
#include "config.h"

#include "kvpd/look.h"

#include "kvpd/worker.h"

typedef struct {
	KvpLookAnswer answer;
	gpointer data;
} Question;

struct KvpLook {
	KvpPools *pools;
	void (*run)(KvpPoolFiles *files);
	HvisClock *clock;
	KvpWorker *worker; /* NULL until somebody asks */
	KvpPoolFiles
		*files; /* being looked at, and the thread's until that is done; NULL = none is */
	GArray *asked, *waiting; /* of Question: for this look, for the next */
	guint timer; /* until they are answered without it; 0 where nobody has asked */
};

void kvp_pool_files_look(KvpPoolFiles *files)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_pool_info(kvp_pools_get(files->pools, i), &files->info[i], &files->error[i]);
}

static void files_free(KvpPoolFiles *files)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		g_clear_error(&files->error[i]);
	kvp_pools_unref(files->pools);
	g_free(files);
}

/* Takes @questions, which nobody else has any more: an answer may ask again. */
static void answer_all(GArray *questions, const KvpPoolFiles *files)
{
	for (guint i = 0; i < questions->len; i++) {
		const Question *question = &g_array_index(questions, Question, i);

		question->answer(files, question->data);
	}
	g_array_unref(questions);
}

static void on_late(gpointer data)
{
	KvpLook *look = data;
	GArray *asked = look->asked, *waiting = look->waiting;

	look->timer = 0;
	look->asked = g_array_new(FALSE, FALSE, sizeof(Question));
	look->waiting = g_array_new(FALSE, FALSE, sizeof(Question));
	answer_all(asked, NULL);
	answer_all(waiting, NULL);
}

static void set_timer(KvpLook *look)
{
	if (!look->timer)
		look->timer = look->clock->add(look->clock, KVP_LOOK_MS, on_late, look);
}

static void start(KvpLook *look);

static void run_look(gpointer data)
{
	KvpLook *look = data;

	look->run(look->files);
}

static void on_looked(gpointer data)
{
	KvpLook *look = data;
	KvpPoolFiles *files = g_steal_pointer(&look->files);
	GArray *asked;

	look->clock->remove(look->clock, look->timer);
	look->timer = 0;
	asked = g_steal_pointer(&look->asked);
	look->asked = g_steal_pointer(&look->waiting);
	look->waiting = g_array_new(FALSE, FALSE, sizeof(Question));
	if (look->asked->len > 0)
		start(look);
	answer_all(asked, files);
	files_free(files);
}

static void start(KvpLook *look)
{
	look->files = g_new0(KvpPoolFiles, 1);
	look->files->pools = kvp_pools_ref(look->pools);
	if (!look->worker)
		look->worker = kvp_worker_new();
	set_timer(look);
	kvp_worker_push(look->worker, run_look, on_looked, look);
}

void kvp_look_ask(KvpLook *look, KvpLookAnswer answer, gpointer data)
{
	const Question question = { answer, data };

	g_array_append_val(look->files ? look->waiting : look->asked, question);
	if (look->files)
		set_timer(look);
	else
		start(look);
}

KvpLook *kvp_look_new(KvpPools *pools, void (*run)(KvpPoolFiles *files), HvisClock *clock)
{
	KvpLook *look = g_new0(KvpLook, 1);

	look->pools = kvp_pools_ref(pools);
	look->run = run;
	look->clock = clock ? clock : hvis_clock_default();
	look->asked = g_array_new(FALSE, FALSE, sizeof(Question));
	look->waiting = g_array_new(FALSE, FALSE, sizeof(Question));
	return look;
}

void kvp_look_free(KvpLook *look)
{
	if (!look)
		return;
	kvp_worker_free(look->worker);
	look->clock->remove(look->clock, look->timer);
	g_array_unref(look->asked);
	g_array_unref(look->waiting);
	kvp_pools_unref(look->pools);
	g_free(look);
}
