/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine with a kernel that is made up: the test plays daemon and guard over real sockets and
 * sees every call in its order. Nothing is frozen here.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vssd/engine.h"

#define N_MAX 8

/* The kernel, the guard and the daemon's end. */
typedef struct {
	GMutex lock;
	GCond moved;
	GString *calls; /* "o0 s0 f0 t0 ": action and target, as they end */
	int errs[VSS_ACTION_N][N_MAX]; /* what each gives */
	gboolean held[VSS_ACTION_N][N_MAX]; /* hangs until released */
	int index_of[1024]; /* by descriptor */
	GString *guard_heard; /* "T0 A F0 H N0 D " */
	int guard_answer; /* errno of ARM; -1: hang up instead */
	int daemon, guard; /* our ends */
	int engine_daemon, engine_guard;
	struct vss_engine *engine;
	GThread *guard_thread, *engine_thread;
	guint n;
} Rig;

static int call(Rig *rig, enum vss_action action, int index)
{
	int err;

	g_mutex_lock(&rig->lock);
	while (rig->held[action][index])
		g_cond_wait(&rig->moved, &rig->lock);
	err = rig->errs[action][index];
	g_string_append_printf(rig->calls, "%c%d ", "osft"[action], index);
	g_cond_broadcast(&rig->moved);
	g_mutex_unlock(&rig->lock);
	return err;
}

static int fake_open(void *data, const struct vss_target *target, int *ret_fd)
{
	Rig *rig = data;
	int index = target->path[1] - '0', err = call(rig, VSS_OPEN, index);

	if (err != 0)
		return err;
	*ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(*ret_fd, >=, 0);
	g_assert_cmpint(*ret_fd, <, 1024);
	rig->index_of[*ret_fd] = index;
	return 0;
}

static int fake_sync(void *data, int fd)
{
	return call(data, VSS_SYNC, ((Rig *)data)->index_of[fd]);
}

static int fake_freeze(void *data, int fd)
{
	return call(data, VSS_FREEZE, ((Rig *)data)->index_of[fd]);
}

static int fake_thaw(void *data, int fd)
{
	return call(data, VSS_THAW, ((Rig *)data)->index_of[fd]);
}

static int fake_lock_down(void *data)
{
	return 0;
}

static const struct vss_fs_ops fake = { fake_open, 60000, fake_sync, fake_freeze, fake_thaw,
	fake_lock_down, NULL };
static const struct vss_fs_ops hasty = { fake_open, 2000, fake_sync, fake_freeze, fake_thaw,
	fake_lock_down, NULL };

/* Note what the engine says; answer ARM. */
static gpointer play_guard(gpointer data)
{
	Rig *rig = data;
	static const char letters[] = { [VSS_MSG_TARGET] = 'T',
		[VSS_MSG_ARM] = 'A',
		[VSS_MSG_FREEZING] = 'F',
		[VSS_MSG_NOT_FROZEN] = 'N',
		[VSS_MSG_HELD] = 'H',
		[VSS_MSG_DONE] = 'D' };
	struct vss_msg msg;
	int fd;

	while (vss_receive(rig->guard, &msg, &fd) == 0) {
		g_mutex_lock(&rig->lock);
		g_string_append_c(rig->guard_heard, letters[msg.type]);
		if (msg.index != VSS_INDEX_NONE && msg.type != VSS_MSG_ARM)
			g_string_append_printf(rig->guard_heard, "%u", msg.index);
		g_string_append_c(rig->guard_heard, ' ');
		g_mutex_unlock(&rig->lock);
		g_assert_true((fd >= 0) == (msg.type == VSS_MSG_TARGET));
		if (fd >= 0)
			close(fd);
		if (msg.type != VSS_MSG_ARM)
			continue;
		if (rig->guard_answer < 0) {
			shutdown(rig->guard, SHUT_RDWR);
			break;
		}
		msg.err = rig->guard_answer;
		g_assert_cmpint(vss_tell(rig->guard, &msg), ==, 0);
	}
	return NULL;
}

static gpointer run_engine(gpointer data)
{
	Rig *rig = data;

	vss_engine_run(rig->engine);
	/* As a worker's end would do. */
	shutdown(rig->engine_daemon, SHUT_RDWR);
	shutdown(rig->engine_guard, SHUT_RDWR);
	return NULL;
}

static void pair(int *one, int *other)
{
	int both[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), ==, 0);
	*one = both[0];
	*other = both[1];
}

static void rig_init_with(Rig *rig, const struct vss_fs_ops *ops)
{
	*rig = (Rig){ .calls = g_string_new(NULL), .guard_heard = g_string_new(NULL) };
	g_mutex_init(&rig->lock);
	g_cond_init(&rig->moved);
	pair(&rig->daemon, &rig->engine_daemon);
	pair(&rig->guard, &rig->engine_guard);
	rig->engine = vss_engine_new(ops, rig, rig->engine_daemon, rig->engine_guard);
	g_assert_nonnull(rig->engine);
}

static void rig_init(Rig *rig)
{
	rig_init_with(rig, &fake);
}

static void rig_run(Rig *rig)
{
	rig->guard_thread = g_thread_new("guard", play_guard, rig);
	rig->engine_thread = g_thread_new("engine", run_engine, rig);
}

static void rig_join(Rig *rig)
{
	g_clear_pointer(&rig->engine_thread, g_thread_join);
	g_clear_pointer(&rig->guard_thread, g_thread_join);
}

static void rig_deinit(Rig *rig)
{
	if (rig->daemon >= 0)
		shutdown(rig->daemon, SHUT_RDWR);
	rig_join(rig);
	vss_engine_free(rig->engine);
	if (rig->daemon >= 0)
		close(rig->daemon);
	close(rig->guard);
	close(rig->engine_daemon);
	close(rig->engine_guard);
	g_string_free(rig->calls, TRUE);
	g_string_free(rig->guard_heard, TRUE);
	g_mutex_clear(&rig->lock);
	g_cond_clear(&rig->moved);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rig, rig_deinit)

/* A target of @level on superblock 7:@minor. */
static void add(Rig *rig, guint level, guint minor, guint flags)
{
	struct vss_msg msg = { .type = VSS_MSG_TARGET, .flags = flags };

	msg.target.level = level;
	msg.target.major = 7;
	msg.target.minor = minor;
	g_snprintf(msg.target.path, PATH_MAX, "/%u", rig->n++);
	g_assert_cmpint(vss_send(rig->daemon, &msg, -1), ==, 0);
}

static void tell(Rig *rig, enum vss_msg_type type, guint value, guint flags)
{
	struct vss_msg msg = { .type = type, .value = value, .flags = flags };

	g_assert_cmpint(vss_tell(rig->daemon, &msg), ==, 0);
}

/* @levels: a digit for each target, "001". */
static void start(Rig *rig, const char *levels, guint deadline_ms)
{
	for (const char *level = levels; *level; level++)
		add(rig, (guint)(*level - '0'), rig->n, 0);
	rig_run(rig);
	tell(rig, VSS_MSG_START, deadline_ms, 0);
}

static struct vss_msg hear(Rig *rig, enum vss_msg_type type)
{
	struct vss_msg msg;
	int fd;

	g_assert_cmpint(vss_receive(rig->daemon, &msg, &fd), ==, 0);
	g_assert_cmpint(msg.type, ==, type);
	return msg;
}

static void assert_ended(Rig *rig, int err)
{
	g_assert_cmpint(hear(rig, VSS_MSG_ENDED).err, ==, err);
}

static void set_held(Rig *rig, enum vss_action action, int index, gboolean held)
{
	g_mutex_lock(&rig->lock);
	rig->held[action][index] = held;
	g_cond_broadcast(&rig->moved);
	g_mutex_unlock(&rig->lock);
}

static void wait_for_call(Rig *rig, const char *name)
{
	g_mutex_lock(&rig->lock);
	while (!strstr(rig->calls->str, name))
		g_cond_wait(&rig->moved, &rig->lock);
	g_mutex_unlock(&rig->lock);
}

static gboolean has_call(Rig *rig, const char *name)
{
	gboolean has;

	g_mutex_lock(&rig->lock);
	has = strstr(rig->calls->str, name) != NULL;
	g_mutex_unlock(&rig->lock);
	return has;
}

/* After the end: every call in its order, and every word to the guard. */
static void assert_all(Rig *rig, const char *calls, const char *guard)
{
	rig_join(rig);
	if (calls)
		g_assert_cmpstr(rig->calls->str, ==, calls);
	if (guard)
		g_assert_cmpstr(rig->guard_heard->str, ==, guard);
}

/* A level each: then the order of everything is fixed but for opening and syncing. */
static void test_freeze_and_thaw(void)
{
	g_auto(Rig) rig = { 0 };
	guint seen[VSS_ACTION_N] = { 0 };

	rig_init(&rig);
	start(&rig, "012", 10000);
	g_assert_cmpuint(hear(&rig, VSS_MSG_FROZEN).value, ==, 3);
	g_assert_nonnull(strstr(rig.calls->str, "f0 f1 f2 "));
	g_assert_false(has_call(&rig, "t"));
	tell(&rig, VSS_MSG_THAW, 0, 0);
	assert_ended(&rig, 0);
	for (guint i = 0; i < 4 * 3; i++)
		seen[hear(&rig, VSS_MSG_EVENT).action]++;
	for (guint action = 0; action < VSS_ACTION_N; action++)
		g_assert_cmpuint(seen[action], ==, 3);
	assert_all(&rig, NULL, "T0 T1 T2 A F0 F1 F2 H N2 N1 N0 D ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "f0 f1 f2 t2 t1 t0 "));
}

/* Those of a level at once: while one hangs the other one is frozen, and the next level waits. */
static void test_a_level_at_once(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	set_held(&rig, VSS_FREEZE, 0, TRUE);
	start(&rig, "001", 10000);
	wait_for_call(&rig, "f1 ");
	g_assert_false(has_call(&rig, "f2 "));
	set_held(&rig, VSS_FREEZE, 0, FALSE);
	hear(&rig, VSS_MSG_FROZEN);
	g_assert_nonnull(strstr(rig.calls->str, "f1 f0 f2 "));
}

/* All are synced at once, and before the first is frozen. */
static void test_sync_before_freeze(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	set_held(&rig, VSS_SYNC, 0, TRUE);
	start(&rig, "01", 10000);
	wait_for_call(&rig, "s1 ");
	g_assert_false(has_call(&rig, "f"));
	set_held(&rig, VSS_SYNC, 0, FALSE);
	hear(&rig, VSS_MSG_FROZEN);
}

static void test_failure_before_the_first_freeze(void)
{
	for (enum vss_action action = VSS_OPEN; action <= VSS_SYNC; action++) {
		g_auto(Rig) rig = { 0 };
		struct vss_msg end;

		rig_init(&rig);
		rig.errs[action][1] = EIO;
		start(&rig, "01", 10000);
		end = hear(&rig, VSS_MSG_ENDED);
		g_assert_cmpint(end.err, ==, EIO);
		g_assert_cmpuint(end.index, ==, 1);
		g_assert_cmpuint(end.action, ==, action);
		assert_all(&rig, NULL, "D ");
		g_assert_null(strchr(rig.calls->str, 'f'));
	}
}

/* Who has it in a view of his own refused every backup by keeping it from us. */
static void test_left_out(void)
{
	static const struct {
		guint flags;
		int ended; /* -1: frozen */
	} cases[] = {
		{ VSS_FLAG_ELSEWHERE, -1 },
		{ VSS_FLAG_ELSEWHERE | VSS_FLAG_REQUIRED, ETIMEDOUT },
		{ 0, ETIMEDOUT },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Rig) rig = { 0 };

		rig_init(&rig);
		rig.errs[VSS_OPEN][0] = ETIMEDOUT;
		add(&rig, 0, 0, cases[i].flags);
		add(&rig, 1, 1, 0);
		add(&rig, 2, 2, 0);
		rig_run(&rig);
		tell(&rig, VSS_MSG_START, 10000, 0);
		if (cases[i].ended >= 0) {
			assert_ended(&rig, cases[i].ended);
			continue;
		}
		g_assert_cmpuint(hear(&rig, VSS_MSG_FROZEN).value, ==, 2);
		tell(&rig, VSS_MSG_THAW, 0, 0);
		assert_ended(&rig, 0);
		g_assert_cmpuint(hear(&rig, VSS_MSG_EVENT).index, <, 3);
		assert_all(&rig, NULL, "T0 T1 A F0 F1 H N1 N0 D ");
		g_assert_true(g_str_has_suffix(rig.calls->str, "f1 f2 t2 t1 "));
		g_assert_null(strstr(rig.calls->str, "s0 "));
	}
}

static void test_failed_freeze_undoes_all(void)
{
	g_auto(Rig) rig = { 0 };
	struct vss_msg end;

	rig_init(&rig);
	rig.errs[VSS_FREEZE][2] = EIO;
	start(&rig, "0123", 10000);
	end = hear(&rig, VSS_MSG_ENDED);
	g_assert_cmpint(end.err, ==, EIO);
	g_assert_cmpuint(end.index, ==, 2);
	assert_all(&rig, NULL, "T0 T1 T2 T3 A F0 F1 F2 N2 N1 N0 D ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "f0 f1 f2 t1 t0 "));
}

static void test_what_cannot_be_frozen(void)
{
	static const struct {
		guint flags_of_first, flags_of_all;
		int second; /* errno of the other one */
		int ended; /* -1: frozen */
	} cases[] = {
		{ 0, 0, 0, -1 },
		{ VSS_FLAG_REQUIRED, 0, 0, EOPNOTSUPP },
		{ 0, 0, ENOTTY, ENOENT },
		{ 0, VSS_FLAG_ALLOW_NOTHING, ENOTTY, -1 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Rig) rig = { 0 };

		rig_init(&rig);
		rig.errs[VSS_FREEZE][0] = EOPNOTSUPP;
		rig.errs[VSS_FREEZE][1] = cases[i].second;
		add(&rig, 0, 0, cases[i].flags_of_first);
		add(&rig, 1, 1, 0);
		rig_run(&rig);
		tell(&rig, VSS_MSG_START, 10000, cases[i].flags_of_all);
		if (cases[i].ended >= 0) {
			assert_ended(&rig, cases[i].ended);
			continue;
		}
		hear(&rig, VSS_MSG_FROZEN);
		tell(&rig, VSS_MSG_THAW, 0, 0);
		assert_ended(&rig, 0);
		assert_all(&rig, NULL, NULL);
		g_assert_null(strstr(rig.calls->str, "t0 "));
	}
}

static void test_nothing_at_all(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	start(&rig, "", 10000);
	assert_ended(&rig, ENOENT);
	assert_all(&rig, "", "A D ");
}

static void test_frozen_by_somebody_else(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	rig.errs[VSS_FREEZE][1] = EBUSY;
	start(&rig, "01", 10000);
	assert_ended(&rig, EBUSY);
	assert_all(&rig, NULL, "T0 T1 A F0 F1 N1 N0 D ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "f0 f1 t0 "));
}

/* The same superblock by two ways: the second freeze finds it frozen by us. */
static void test_frozen_by_us(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	rig.errs[VSS_FREEZE][1] = EBUSY;
	add(&rig, 0, 5, 0);
	add(&rig, 1, 5, 0);
	rig_run(&rig);
	tell(&rig, VSS_MSG_START, 10000, 0);
	g_assert_cmpuint(hear(&rig, VSS_MSG_FROZEN).value, ==, 1);
	tell(&rig, VSS_MSG_THAW, 0, 0);
	assert_ended(&rig, 0);
	assert_all(&rig, NULL, "T0 T1 A F0 F1 N1 H N0 D ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "f0 f1 t0 "));
}

/* Two ways to what somebody else has frozen: neither is ours. */
static void test_frozen_by_somebody_else_two_ways(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	rig.errs[VSS_FREEZE][0] = rig.errs[VSS_FREEZE][1] = EBUSY;
	add(&rig, 0, 5, 0);
	add(&rig, 0, 5, 0);
	rig_run(&rig);
	tell(&rig, VSS_MSG_START, 10000, 0);
	assert_ended(&rig, EBUSY);
}

static void test_deadline(void)
{
	g_auto(Rig) rig = { 0 };
	gint64 before = g_get_monotonic_time();

	rig_init(&rig);
	start(&rig, "01", 2000);
	hear(&rig, VSS_MSG_FROZEN);
	assert_ended(&rig, ETIMEDOUT);
	g_assert_cmpint(g_get_monotonic_time() - before, >=, 2000000);
	assert_all(&rig, NULL, NULL);
	g_assert_true(g_str_has_suffix(rig.calls->str, "t1 t0 "));
}

static void test_daemon_dies(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	start(&rig, "01", 10000);
	hear(&rig, VSS_MSG_FROZEN);
	close(rig.daemon);
	rig.daemon = -1;
	assert_all(&rig, NULL, "T0 T1 A F0 F1 H N1 N0 D ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "t1 t0 "));
}

static void test_guard_dies(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	start(&rig, "01", 10000);
	hear(&rig, VSS_MSG_FROZEN);
	shutdown(rig.guard, SHUT_RDWR);
	assert_ended(&rig, EOWNERDEAD);
	assert_all(&rig, NULL, NULL);
	g_assert_true(g_str_has_suffix(rig.calls->str, "t1 t0 "));
}

/* Without a guard that has the marker written, nothing is frozen. */
static void test_no_guard_no_freeze(void)
{
	static const int answers[] = { ENOSPC, -1 };

	for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
		g_auto(Rig) rig = { 0 };

		rig_init(&rig);
		rig.guard_answer = answers[i];
		start(&rig, "01", 10000);
		assert_ended(&rig, answers[i] > 0 ? answers[i] : EOWNERDEAD);
		assert_all(&rig, NULL, NULL);
		g_assert_null(strchr(rig.calls->str, 'f'));
	}
}

/* After the end: the guard has heard @first, then of both thaws as they ended, and that this was all. */
static void assert_both_thawed(Rig *rig, const char *first)
{
	g_autofree char *one = g_strconcat(first, "N0 N1 D ", NULL);
	g_autofree char *other = g_strconcat(first, "N1 N0 D ", NULL);

	rig_join(rig);
	if (!g_str_equal(rig->guard_heard->str, one))
		g_assert_cmpstr(rig->guard_heard->str, ==, other);
}

/* A freeze that hangs beyond the deadline: the others are thawed meanwhile, and it is once it ends. */
static void test_freeze_hangs(void)
{
	for (int cancelled = 0; cancelled < 2; cancelled++) {
		g_auto(Rig) rig = { 0 };

		rig_init(&rig);
		set_held(&rig, VSS_FREEZE, 0, TRUE);
		start(&rig, "001", cancelled ? 10000 : 60);
		wait_for_call(&rig, "f1 ");
		if (cancelled)
			tell(&rig, VSS_MSG_THAW, 0, 0);
		wait_for_call(&rig, "t1 ");
		g_assert_false(has_call(&rig, "t0 "));
		set_held(&rig, VSS_FREEZE, 0, FALSE);
		assert_ended(&rig, cancelled ? ECANCELED : ETIMEDOUT);
		assert_both_thawed(&rig, "T0 T1 T2 A F0 F1 ");
		g_assert_true(g_str_has_suffix(rig.calls->str, "f1 t1 f0 t0 "));
	}
}

/* A container's path that hung for ever held up the backup of all else. */
static void test_an_open_that_hangs(void)
{
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		g_auto(Rig) rig = { 0 };

		rig_init_with(&rig, &hasty);
		set_held(&rig, VSS_OPEN, 1, TRUE);
		add(&rig, 0, 0, 0);
		add(&rig, 0, 1, elsewhere ? VSS_FLAG_ELSEWHERE : 0);
		rig_run(&rig);
		tell(&rig, VSS_MSG_START, 10000, 0);
		if (elsewhere) {
			g_assert_cmpuint(hear(&rig, VSS_MSG_FROZEN).value, ==, 1);
			tell(&rig, VSS_MSG_THAW, 0, 0);
			assert_ended(&rig, 0);
			set_held(&rig, VSS_OPEN, 1, FALSE);
			assert_all(&rig, NULL, "T0 A F0 H N0 D ");
		} else {
			struct vss_msg end = hear(&rig, VSS_MSG_ENDED);

			g_assert_cmpint(end.err, ==, ETIMEDOUT);
			g_assert_cmpuint(end.index, ==, 1);
			set_held(&rig, VSS_OPEN, 1, FALSE);
		}
	}
}

/* Nobody was told which of them it was that took too long. */
static void test_what_hangs_is_named(void)
{
	g_auto(Rig) rig = { 0 };
	struct vss_msg end;

	rig_init(&rig);
	set_held(&rig, VSS_FREEZE, 1, TRUE);
	start(&rig, "000", 60);
	wait_for_call(&rig, "t2 ");
	set_held(&rig, VSS_FREEZE, 1, FALSE);
	end = hear(&rig, VSS_MSG_ENDED);
	g_assert_cmpint(end.err, ==, ETIMEDOUT);
	g_assert_cmpuint(end.index, ==, 1);
	g_assert_cmpuint(end.action, ==, VSS_FREEZE);
}

/* It ends while its own level is being thawed: nobody looked at it again. */
static void test_freeze_ends_during_the_thaw_of_its_level(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	set_held(&rig, VSS_FREEZE, 0, TRUE);
	set_held(&rig, VSS_THAW, 1, TRUE);
	start(&rig, "00", 60);
	wait_for_call(&rig, "f1 ");
	g_usleep(120000); /* now it hangs in the thaw of 1 */
	set_held(&rig, VSS_FREEZE, 0, FALSE);
	wait_for_call(&rig, "t0 ");
	set_held(&rig, VSS_THAW, 1, FALSE);
	assert_ended(&rig, ETIMEDOUT);
	assert_both_thawed(&rig, "T0 T1 A F0 F1 ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "f1 f0 t0 t1 "));
}

/*
 * What stands on it is being thawed by then, and cannot be before it is: both stayed frozen, for as long as no
 * guard was there. Seen by the campaign vss-kill, with a file system in a file of another one.
 */
static void test_freeze_ends_during_the_thaw_of_what_stands_on_it(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	set_held(&rig, VSS_FREEZE, 1, TRUE);
	set_held(&rig, VSS_THAW, 0, TRUE);
	start(&rig, "01", 60);
	wait_for_call(&rig, "f0 ");
	g_usleep(120000); /* now it hangs in the thaw of 0 */
	set_held(&rig, VSS_FREEZE, 1, FALSE);
	wait_for_call(&rig, "t1 ");
	set_held(&rig, VSS_THAW, 0, FALSE);
	assert_ended(&rig, ETIMEDOUT);
	assert_both_thawed(&rig, "T0 T1 A F0 F1 ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "f1 t1 t0 "));
}

static void test_thawed_by_somebody_else(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	rig.errs[VSS_THAW][0] = EINVAL;
	start(&rig, "01", 10000);
	hear(&rig, VSS_MSG_FROZEN);
	tell(&rig, VSS_MSG_THAW, 0, 0);
	assert_ended(&rig, EINVAL);
	assert_all(&rig, NULL, "T0 T1 A F0 F1 H N1 N0 D ");
}

/* What cannot be thawed is tried again, and then left to the guard: it is not told that all is done. */
static void test_thaw_fails(void)
{
	g_auto(Rig) rig = { 0 };

	rig_init(&rig);
	rig.errs[VSS_THAW][0] = EIO;
	start(&rig, "01", 10000);
	hear(&rig, VSS_MSG_FROZEN);
	tell(&rig, VSS_MSG_THAW, 0, 0);
	assert_ended(&rig, EIO);
	assert_all(&rig, NULL, "T0 T1 A F0 F1 H N1 ");
	g_assert_true(g_str_has_suffix(rig.calls->str, "t1 t0 t0 t0 "));
}

static void test_wrong_messages(void)
{
	for (int which = 0; which < 4; which++) {
		g_auto(Rig) rig = { 0 };

		rig_init(&rig);
		rig_run(&rig);
		switch (which) {
		case 0:
			tell(&rig, VSS_MSG_THAW, 0, 0);
			break;
		case 1: /* not in the order of levels */
			add(&rig, 2, 0, 0);
			add(&rig, 1, 1, 0);
			break;
		case 2:
			add(&rig, UINT32_MAX, 0, 0);
			break;
		case 3:
			g_assert_cmpint(write(rig.daemon, "short", 5), ==, 5);
			break;
		}
		assert_ended(&rig, EPROTO);
		assert_all(&rig, "", "D ");
	}
}

/* systemd-run had them, and for as long as it was there the guard did not know that the worker was gone. */
static void test_children_have_no_socket(void)
{
	struct vss_engine *engine;
	int sockets[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), ==, 0);
	engine = vss_engine_new(&fake, NULL, sockets[0], sockets[1]);
	g_assert_nonnull(engine);
	for (guint i = 0; i < G_N_ELEMENTS(sockets); i++) {
		g_assert_cmpint(fcntl(sockets[i], F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
		close(sockets[i]);
	}
	vss_engine_free(engine);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/engine/freeze-and-thaw", test_freeze_and_thaw);
	g_test_add_func("/vssd/engine/children-have-no-socket", test_children_have_no_socket);
	g_test_add_func("/vssd/engine/a-level-at-once", test_a_level_at_once);
	g_test_add_func("/vssd/engine/sync-before-freeze", test_sync_before_freeze);
	g_test_add_func("/vssd/engine/failure-before-the-first-freeze",
		test_failure_before_the_first_freeze);
	g_test_add_func("/vssd/engine/left-out", test_left_out);
	g_test_add_func("/vssd/engine/failed-freeze-undoes-all", test_failed_freeze_undoes_all);
	g_test_add_func("/vssd/engine/what-cannot-be-frozen", test_what_cannot_be_frozen);
	g_test_add_func("/vssd/engine/nothing-at-all", test_nothing_at_all);
	g_test_add_func("/vssd/engine/frozen-by-somebody-else", test_frozen_by_somebody_else);
	g_test_add_func("/vssd/engine/frozen-by-us", test_frozen_by_us);
	g_test_add_func("/vssd/engine/frozen-by-somebody-else-two-ways",
		test_frozen_by_somebody_else_two_ways);
	g_test_add_func("/vssd/engine/deadline", test_deadline);
	g_test_add_func("/vssd/engine/daemon-dies", test_daemon_dies);
	g_test_add_func("/vssd/engine/guard-dies", test_guard_dies);
	g_test_add_func("/vssd/engine/no-guard-no-freeze", test_no_guard_no_freeze);
	g_test_add_func("/vssd/engine/freeze-hangs", test_freeze_hangs);
	g_test_add_func("/vssd/engine/an-open-that-hangs", test_an_open_that_hangs);
	g_test_add_func("/vssd/engine/what-hangs-is-named", test_what_hangs_is_named);
	g_test_add_func("/vssd/engine/freeze-ends-during-the-thaw-of-its-level",
		test_freeze_ends_during_the_thaw_of_its_level);
	g_test_add_func("/vssd/engine/freeze-ends-during-the-thaw-of-what-stands-on-it",
		test_freeze_ends_during_the_thaw_of_what_stands_on_it);
	g_test_add_func("/vssd/engine/thawed-by-somebody-else", test_thawed_by_somebody_else);
	g_test_add_func("/vssd/engine/thaw-fails", test_thaw_fails);
	g_test_add_func("/vssd/engine/wrong-messages", test_wrong_messages);
	return g_test_run();
}
