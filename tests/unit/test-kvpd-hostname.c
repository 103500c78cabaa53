/* SPDX-License-Identifier: GPL-2.0-only */
/* Host names: resolved in a thread, refreshed when they change, never an error text. */
#include "config.h"

#include "kvpd/hostname.h"

#include <string.h>

/* The machine and its name service. */
static struct {
	GMutex lock;
	const char *host;
	const char *answer; /* NULL = none */
	int lookups, waiting;
	gboolean held; /* lookups do not come back */
	GCond cond;
} world;

static char *fake_host_name(void)
{
	return g_strdup(world.host);
}

static char *fake_resolve(const char *host)
{
	char *answer;

	g_mutex_lock(&world.lock);
	world.lookups++;
	world.waiting++;
	g_cond_broadcast(&world.cond);
	while (world.held)
		g_cond_wait(&world.cond, &world.lock);
	world.waiting--;
	answer = world.answer ? g_strconcat(host, world.answer, NULL) : NULL;
	g_mutex_unlock(&world.lock);
	return answer;
}

static const KvpHostNameOps fake_ops = { fake_host_name, fake_resolve, NULL };

typedef struct {
	HvisFakeClock *clock;
	KvpHostName *name;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
	world.host = "vm1";
	world.answer = ".example.org";
	world.lookups = 0;
	world.held = FALSE;
	f->clock = hvis_fake_clock_new();
}

static void tear_down(Fixture *f, gconstpointer data)
{
	kvp_host_name_free(f->name);
	hvis_fake_clock_free(f->clock);
	while (g_main_context_iteration(NULL, FALSE)) {
	}
}

static void start(Fixture *f)
{
	f->name = kvp_host_name_new(&fake_ops, hvis_fake_clock_get(f->clock));
}

static void hold(gboolean held)
{
	g_mutex_lock(&world.lock);
	world.held = held;
	g_cond_broadcast(&world.cond);
	g_mutex_unlock(&world.lock);
}

/* Run the main loop until @lookups are over and the last has been delivered. */
static void settle(int lookups)
{
	g_mutex_lock(&world.lock);
	while (world.lookups < lookups || world.waiting > 0) {
		g_mutex_unlock(&world.lock);
		g_main_context_iteration(NULL, FALSE);
		g_mutex_lock(&world.lock);
	}
	g_mutex_unlock(&world.lock);
	for (int i = 0; i < 20; i++) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	g_assert_cmpint(world.lookups, ==, lookups);
}

static void test_resolved(Fixture *f, gconstpointer data)
{
	hold(TRUE);
	start(f);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm1");
	hold(FALSE);
	settle(1);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm1.example.org");
}

static void test_no_answer(Fixture *f, gconstpointer data)
{
	world.answer = NULL;
	start(f);
	settle(1);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm1");

	/* The network comes up: asked again, after the pause, once. */
	world.answer = ".example.net";
	kvp_host_name_refresh(f->name);
	kvp_host_name_refresh(f->name);
	hvis_fake_clock_advance(f->clock, KVP_HOST_NAME_PAUSE_MS - 1);
	settle(1);
	hvis_fake_clock_advance(f->clock, 2);
	settle(2);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm1.example.net");

	/* A name server that fails later does not take the name away. */
	world.answer = NULL;
	kvp_host_name_refresh(f->name);
	hvis_fake_clock_advance(f->clock, KVP_HOST_NAME_PAUSE_MS + 1);
	settle(3);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm1.example.net");
}

static void test_renamed(Fixture *f, gconstpointer data)
{
	start(f);
	settle(1);
	world.host = "vm2";
	kvp_host_name_refresh(f->name);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm2");
	settle(2);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm2.example.org");
}

/* The answer for the old name comes after the change: it is not used, the new name is looked up. */
static void test_renamed_during_lookup(Fixture *f, gconstpointer data)
{
	hold(TRUE);
	start(f);
	world.host = "vm2";
	kvp_host_name_refresh(f->name);
	world.host = "vm3";
	kvp_host_name_refresh(f->name);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm3");
	hold(FALSE);
	settle(2);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm3.example.org");
}

static void wait_lookups(int wanted)
{
	g_mutex_lock(&world.lock);
	while (world.lookups < wanted)
		g_cond_wait(&world.cond, &world.lock);
	g_mutex_unlock(&world.lock);
}

/* Resolvers that do not return: given up after a time, two threads at most, then the answers count. */
static void test_stuck(Fixture *f, gconstpointer data)
{
	hold(TRUE);
	start(f);
	wait_lookups(1);
	world.host = "vm2";
	kvp_host_name_refresh(f->name);
	hvis_fake_clock_advance(f->clock, KVP_HOST_NAME_PATIENCE_MS - 1);
	g_assert_cmpint(world.lookups, ==, 1);
	hvis_fake_clock_advance(f->clock, 1);
	wait_lookups(2);
	for (int i = 3; i < 10; i++) {
		world.host = i % 2 ? "vm3" : "vm4";
		kvp_host_name_refresh(f->name);
		hvis_fake_clock_advance(f->clock, KVP_HOST_NAME_PATIENCE_MS + 1);
		g_assert_cmpstr(kvp_host_name_get(f->name), ==, world.host);
	}
	g_usleep(10000);
	g_assert_cmpint(world.waiting, ==, 2);
	hold(FALSE);
	settle(2); /* what they say is of no use now */
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm3");
	hvis_fake_clock_advance(f->clock, KVP_HOST_NAME_PATIENCE_MS + 1);
	settle(3);
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm3.example.org");
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
}

static char *resolve_badly(const char *host)
{
	world.lookups++;
	return g_strdup(world.answer);
}

static void test_bad_answers(Fixture *f, gconstpointer data)
{
	static const KvpHostNameOps ops = { fake_host_name, resolve_badly, NULL };
	const char *answers[] = { "", "localhost", "localhost.localdomain", "LOCALHOST",
		"localhost6", "localhost6.localdomain6", "\xff" };

	for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
		world.answer = answers[i];
		world.lookups = 0;
		f->name = kvp_host_name_new(&ops, hvis_fake_clock_get(f->clock));
		settle(1);
		g_assert_cmpstr(kvp_host_name_get(f->name), ==, "vm1");
		g_clear_pointer(&f->name, kvp_host_name_free);
	}
}

/* Stopping does not wait for a name server, and its late answer reaches nobody. */
static void test_freed_during_lookup(Fixture *f, gconstpointer data)
{
	hold(TRUE);
	start(f);
	g_mutex_lock(&world.lock);
	while (world.waiting == 0)
		g_cond_wait(&world.cond, &world.lock);
	g_mutex_unlock(&world.lock);
	g_clear_pointer(&f->name, kvp_host_name_free);
	hold(FALSE);
	settle(1);
}

/* This machine's name, by the real functions: something sensible, at once. */
static void test_real(Fixture *f, gconstpointer data)
{
	g_autofree char *host = kvp_host_name_ops()->host_name();
	g_autofree char *full = kvp_host_name_ops()->resolve("localhost");

	f->name = kvp_host_name_new(kvp_host_name_ops(), hvis_fake_clock_get(f->clock));
	g_assert_cmpstr(kvp_host_name_get(f->name), ==, host);
	g_assert_cmpuint(strlen(host), >, 0);
	if (full)
		g_assert_true(g_str_has_prefix(full, "localhost") || strchr(full, '.'));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/kvpd/hostname/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("resolved", test_resolved);
	ADD("no-answer", test_no_answer);
	ADD("renamed", test_renamed);
	ADD("renamed-during-lookup", test_renamed_during_lookup);
	ADD("stuck", test_stuck);
	ADD("bad-answers", test_bad_answers);
	ADD("freed-during-lookup", test_freed_during_lookup);
	ADD("real", test_real);
	return g_test_run();
}
