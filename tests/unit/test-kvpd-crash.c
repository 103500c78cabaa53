/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change that fails or dies at each of its system calls. A child makes the change with system
 * calls that count; at the N-th one it is killed (before the call, half-way through a write, or
 * after it) or the call fails. The parent then reads what is on disk as any other program would.
 */
#include "config.h"

#include "kvpd/journal.h"
#include "kvpd/pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>

#include "tests/unit/kvpd-scratch.h"

typedef enum { KILL_BEFORE, KILL_HALFWAY, KILL_AFTER, FAIL, FAIL_HALFWAY, FAIL_FROM_HERE } How;

/* What the system calls of the child do; set before it is forked. */
static struct {
	int step, when;
	int dies; /* half-way through this call, whatever else; 0 = never */
	How how;
	int err;
	gsize half;
} plan;

static gboolean is_due(void)
{
	plan.step++;
	if (plan.step == plan.dies)
		raise(SIGKILL);
	return plan.step == plan.when || (plan.how == FAIL_FROM_HERE && plan.step > plan.when);
}

static int fail(void)
{
	errno = plan.err;
	return -1;
}

static void die(void)
{
	raise(SIGKILL);
}

static ssize_t planned_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	ssize_t n;

	if (plan.step + 1 == plan.dies && pwrite(fd, buf, MIN(len, plan.half), offset) > 0)
		raise(SIGKILL);
	if (!is_due())
		return pwrite(fd, buf, len, offset);
	switch (plan.how) {
	case KILL_BEFORE:
		die();
		break;
	case KILL_HALFWAY:
		n = pwrite(fd, buf, MIN(len, plan.half), offset);
		die();
		return n;
	case KILL_AFTER:
		n = pwrite(fd, buf, len, offset);
		die();
		return n;
	case FAIL_HALFWAY: /* a disk that fills up: part of it, then the error */
		plan.how = FAIL;
		plan.when++;
		return pwrite(fd, buf, MIN(len - 512, plan.half), offset);
	case FAIL:
	case FAIL_FROM_HERE:
		break;
	}
	return fail();
}

static int planned_ftruncate(int fd, off_t len)
{
	int ret;

	if (!is_due())
		return ftruncate(fd, len);
	if (plan.how == KILL_BEFORE || plan.how == KILL_HALFWAY)
		die();
	if (plan.how != KILL_AFTER)
		return fail();
	ret = ftruncate(fd, len);
	die();
	return ret;
}

static int planned_fsync(int fd)
{
	if (!is_due())
		return 0;
	if (plan.how == KILL_BEFORE || plan.how == KILL_HALFWAY || plan.how == KILL_AFTER)
		die();
	return fail();
}

static const KvpPoolOps planned_ops = { planned_pwrite, planned_ftruncate, planned_fsync };

typedef struct {
	const char *name;
	const char *set, *value; /* NULL: none */
	const char *delete;
	const char *before; /* value of the changed key; NULL: absent */
	const char *after;
} Change;

/* Values of several blocks, which take the journal. */
#define TEN(s) s s s s s s s s s s
#define LONG(s) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s)) TEN(TEN(s))

static const Change changes[] = {
	{ "append", "new", "N", NULL, NULL, "N" },
	{ "replace", "k3", "N", NULL, "v3", "N" },
	{ "replace-long", "long", LONG("n"), NULL, LONG("o"), LONG("n") },
	{ "delete-first", NULL, NULL, "k0", "v0", NULL },
	{ "delete-middle", NULL, NULL, "k3", "v3", NULL },
	{ "delete-last", NULL, NULL, "k6", "v6", NULL },
	{ "delete-all-duplicates", NULL, NULL, "dup", "second", NULL },
};

static GByteArray *original(void)
{
	return scratch_records("k0", "v0", "dup", "first", "k1", "v1", "k2", "v2", "k3", "v3",
		"twice", "old", "long", LONG("o"), "k4", "v4", "dup", "second", "k5", "v5", "twice",
		"new", "k6", "v6", NULL);
}

static const char *const others[][2] = { { "k0", "v0" }, { "k1", "v1" }, { "k2", "v2" },
	{ "k3", "v3" }, { "k4", "v4" }, { "k5", "v5" }, { "k6", "v6" }, { "twice", "new" },
	{ "dup", "second" }, { "long", LONG("o") } };

static const char *key_of(const Change *change)
{
	return change->set ? change->set : change->delete;
}

static gboolean apply(KvpPool *pool, const Change *change, GError **error)
{
	if (change->set)
		return kvp_pool_set(pool, change->set, change->value, NULL, error);
	return kvp_pool_delete(pool, change->delete, error);
}

/* Every other record is whole, and the changed one is as it was or as it was to be. */
static void assert_consistent(KvpPool *pool, const Change *change)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KvpRecords) records = NULL;
	const char *value;
	int when = plan.when, step = plan.step;

	plan.when = G_MAXINT; /* reading finishes what the child has begun */
	records = kvp_pool_read(pool, &error);
	plan.when = when;
	plan.step = step;
	g_assert_no_error(error);
	for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
		if (!g_str_equal(others[i][0], key_of(change)))
			g_assert_cmpstr(kvp_records_get(records, others[i][0]), ==, others[i][1]);
	}
	value = kvp_records_get(records, key_of(change));
	if (g_strcmp0(value, change->before) != 0)
		g_assert_cmpstr(value, ==, change->after);
}

/* Make the change in a child, which may die by @plan; FALSE where it did. */
static gboolean make_in_child(KvpPool *pool, const Change *change)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(!apply(pool, change, NULL));
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (WIFEXITED(status))
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	else
		g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
	return WIFEXITED(status);
}

/* FALSE once it lives to the end. */
static gboolean survives_kill(KvpPool *pool, const Change *change)
{
	g_autoptr(GByteArray) file = original();

	scratch_write(kvp_pool_path(pool), file);
	if (make_in_child(pool, change))
		return FALSE;
	assert_consistent(pool, change);
	return TRUE;
}

/* The next daemon finds a file that it can go on with. */
static void assert_usable(KvpPool *real, const Change *change)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KvpRecords) records = NULL;

	kvp_pool_set(real, "afterwards", "A", NULL, &error);
	g_assert_no_error(error);
	records = kvp_pool_read(real, &error);
	g_assert_cmpstr(kvp_records_get(records, "afterwards"), ==, "A");
	assert_consistent(real, change);
}

static void test_kill(gconstpointer data)
{
	static const gsize halves[] = { 512, 1024, 1536, 2048, 40960 }; /* where a page can end */
	const Change *change = data;
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 0, &planned_ops);
	g_autoptr(KvpPool) real = kvp_pool_new(dir, 0, NULL);
	int deaths = 0;

	for (How how = KILL_BEFORE; how <= KILL_AFTER; how++) {
		for (guint h = 0; h < (how == KILL_HALFWAY ? G_N_ELEMENTS(halves) : 1); h++) {
			plan.step = 0;
			plan.how = how;
			plan.half = halves[h];
			for (plan.when = 1; survives_kill(pool, change); plan.when++) {
				assert_usable(real, change);
				deaths++;
			}
		}
	}
	g_assert_cmpint(deaths, >=, 12); /* six ways of dying, two calls at least */
	g_test_message("%s: killed %d times", change->name, deaths);
}

/*
 * Fail every call in turn: an error is reported, and the file is as before, byte for byte. A journal
 * that fails is done without.
 */
static void fail_each(const Change *change, How how, int err, HvisErrorCode code)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 0, &planned_ops);
	g_autoptr(GByteArray) file = original();
	guint failures = 0, without = 0;

	for (int when = 1;; when++) {
		g_autoptr(GError) error = NULL;

		scratch_write(kvp_pool_path(pool), file);
		plan.step = 0;
		plan.when = when;
		plan.how = how;
		plan.err = err;
		plan.half = 1024;
		if (apply(pool, change, &error)) {
			if (plan.step < when)
				break;
			without++;
			assert_consistent(pool, change);
			continue;
		}
		failures++;
		g_assert_error(error, HVIS_ERROR, (gint)code);
		g_assert_nonnull(strstr(error->message, dir));
		if (how != FAIL_FROM_HERE && strstr(error->message, "fsync") == NULL)
			scratch_assert_file(kvp_pool_path(pool), file);
		assert_consistent(pool, change);
	}
	g_assert_cmpuint(failures, >=, 1);
	g_test_message("%s: %u failures, %u without a journal", change->name, failures, without);
}

static void test_fail(gconstpointer data)
{
	const Change *change = data;

	fail_each(change, FAIL, ENOSPC, HVIS_ERROR_NO_SPACE);
	fail_each(change, FAIL, EIO, HVIS_ERROR_IO);
	fail_each(change, FAIL_HALFWAY, ENOSPC, HVIS_ERROR_NO_SPACE);
	fail_each(change, FAIL_FROM_HERE, EIO, HVIS_ERROR_IO);
}

/* A change whose entry cannot be written goes without, and a kill may tear it: three calls. */
#define AFTER_JOURNAL 4

/* What a failed change had overwritten was written back without a journal, and a kill in that tore it. */
static void fail_and_kill(KvpPool *pool, const Change *change, gsize half)
{
	g_autoptr(GByteArray) file = original();
	int status;

	for (int when = AFTER_JOURNAL; when < 20; when++)
		for (int dies = when + 1;; dies++) {
			pid_t pid;

			scratch_write(kvp_pool_path(pool), file);
			pid = fork();
			if (pid == 0) {
				plan.step = 0;
				plan.when = when;
				plan.how = FAIL;
				plan.err = EIO;
				plan.dies = dies;
				plan.half = half;
				apply(pool, change, NULL);
				_exit(0);
			}
			g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
			if (WIFEXITED(status))
				break;
			assert_consistent(pool, change);
		}
}

static void test_fail_and_kill(gconstpointer data)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 0, &planned_ops);

	fail_and_kill(pool, data, 512);
	fail_and_kill(pool, data, 1024);
}

/* A change of a file of which all is known, as the daemon makes it; what is known of it then in @view. */
static void change_known(KvpPool *pool, KvpView *view, const char *key, const char *value)
{
	g_autoptr(GError) error = NULL;
	KvpOutcome outcome;

	kvp_pool_change(pool, key, value, view, &outcome, &error);
	g_assert_no_error(error);
	kvp_outcome_apply(&outcome, key, value);
	kvp_view_clear(view);
	*view = outcome.view;
}

/*
 * Where there was no journal, nobody looks for one until a name comes. One that dies before it touches the file
 * leaves nothing but that; what it has begun is finished first, or would come over a later change.
 */
static void test_journal_appears(void)
{
	const Change *change = &changes[2];
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpPool) theirs = kvp_pool_new(dir, 0, &planned_ops);
	g_autoptr(KvpPool) ours = kvp_pool_new(dir, 0, NULL);
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);
	g_autoptr(GByteArray) file = original();
	g_autofree char *later = g_strdup(change->before);
	g_auto(KvpView) view = { 0 };
	int when = 0;

	g_assert_cmpstr(change->name, ==, "replace-long");
	memset(later, 'n', 512); /* one block, so without a journal; and it looks half done */
	kvp_pool_set_watch(ours, watch);
	for (plan.how = KILL_AFTER; when < 3;
		when++) { /* the journal's data, its header, its sync */
		g_autofree char *journal = g_build_filename(dir, KVP_JOURNAL_NAME, NULL);
		g_autoptr(KvpRecords) records = NULL;

		unlink(journal);
		scratch_write(kvp_pool_path(ours), file);
		kvp_view_clear(&view);
		change_known(ours, &view, "k1", "x");
		change_known(ours, &view, "k2", "y");
		plan.step = 0;
		plan.when = when + 1;
		g_assert_false(make_in_child(theirs, change));
		g_assert_true(g_file_test(journal, G_FILE_TEST_EXISTS));
		change_known(ours, &view, change->set, later);
		g_assert_true(kvp_pool_finish(ours, NULL));
		records = kvp_pool_read(ours, NULL);
		g_assert_cmpstr(kvp_records_get(records, change->set), ==, later);
		g_assert_cmpstr(kvp_records_get(records, "k2"), ==, "y");
	}
}

/* EINTR is no failure. */
static void test_interrupted(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 0, &planned_ops);
	g_autoptr(GByteArray) file = original();

	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		for (int when = 1; when <= 2; when++) {
			g_autoptr(GError) error = NULL;

			scratch_write(kvp_pool_path(pool), file);
			plan.step = 0;
			plan.when = when;
			plan.how = FAIL;
			plan.err = EINTR;
			apply(pool, &changes[i], &error);
			g_assert_no_error(error);
			assert_consistent(pool, &changes[i]);
		}
	}
}

/* The kernel's own half-way failure: what an append may still write ends inside the record. */
static void test_file_size_limit(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpPool) pool = kvp_pool_new(dir, 0, NULL);
	g_autoptr(GByteArray) file = original();
	struct rlimit limit = { .rlim_cur = file->len + 1000, .rlim_max = RLIM_INFINITY };
	int status;
	pid_t pid;

	scratch_write(kvp_pool_path(pool), file);
	pid = fork();
	if (pid == 0) {
		g_autoptr(GError) error = NULL;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
			_exit(2);
		kvp_pool_set(pool, "new", "value", NULL, &error);
		_exit(!hvis_error_is(error, HVIS_ERROR_NO_SPACE) ||
			!kvp_pool_set(pool, "k3", "v3", NULL, NULL));
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	scratch_assert_file(kvp_pool_path(pool), file);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
		g_autofree char *kill = g_strdup_printf("/kvpd/crash/kill/%s", changes[i].name);
		g_autofree char *both =
			g_strdup_printf("/kvpd/crash/fail-and-kill/%s", changes[i].name);
		g_autofree char *fails = g_strdup_printf("/kvpd/crash/fail/%s", changes[i].name);

		g_test_add_data_func(kill, &changes[i], test_kill);
		g_test_add_data_func(both, &changes[i], test_fail_and_kill);
		g_test_add_data_func(fails, &changes[i], test_fail);
	}
	g_test_add_func("/kvpd/crash/journal-appears", test_journal_appears);
	g_test_add_func("/kvpd/crash/interrupted", test_interrupted);
	g_test_add_func("/kvpd/crash/file-size-limit", test_file_size_limit);
	return g_test_run();
}
