/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard with a kernel that is made up: when it thaws, in which order, how often; and its marker.
 * The test plays the worker; a pipe stands for the daemon's pidfd.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vssd/guard.h"
#include "vssd/hurry.h"
#include "vssd/marker.h"

typedef struct {
	GMutex lock;
	GCond moved;
	GString *thawed; /* "1 0 " */
	int errs[8]; /* of the next thaw of each, once */
	gboolean held[8]; /* hangs until released */
	int index_of[1024];
	char *dir, *marker;
	int worker, guard_worker; /* ours, the guard's */
	int daemon[2];
	GThread *thread;
	int result;
} Rig;

static int fake_thaw(void *data, int fd)
{
	Rig *rig = data;
	int err;

	g_mutex_lock(&rig->lock);
	while (rig->held[rig->index_of[fd]])
		g_cond_wait(&rig->moved, &rig->lock);
	err = rig->errs[rig->index_of[fd]];
	rig->errs[rig->index_of[fd]] = 0;
	g_string_append_printf(rig->thawed, "%d ", rig->index_of[fd]);
	g_cond_broadcast(&rig->moved);
	g_mutex_unlock(&rig->lock);
	return err;
}

/* A file of the test's own, if there is to be one. */
static char *hurry_switch;
static struct vss_fs_ops fake = { .thaw = fake_thaw };

static gpointer run_guard(gpointer data)
{
	Rig *rig = data;

	rig->result = vss_guard_run(&fake, rig, rig->guard_worker, rig->daemon[0], rig->marker);
	return NULL;
}

static void rig_init(Rig *rig)
{
	g_autoptr(GError) error = NULL;
	int both[2];

	*rig = (Rig){ .thawed = g_string_new(NULL) };
	rig->dir = g_dir_make_tmp("hvis-vssd-XXXXXX", &error);
	g_assert_no_error(error);
	rig->marker = g_build_filename(rig->dir, "vss.frozen", NULL);
	g_mutex_init(&rig->lock);
	g_cond_init(&rig->moved);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), ==, 0);
	g_assert_cmpint(pipe2(rig->daemon, O_CLOEXEC), ==, 0);
	rig->worker = both[0];
	rig->guard_worker = both[1];
	memset(rig->index_of, -1, sizeof(rig->index_of));
	rig->thread = g_thread_new("guard", run_guard, rig);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The guard's end: what it gives back. */
static int rig_join(Rig *rig)
{
	g_clear_pointer(&rig->thread, g_thread_join);
	return rig->result;
}

static void rig_deinit(Rig *rig)
{
	close_one(&rig->worker);
	rig_join(rig);
	close_one(&rig->guard_worker);
	close_one(&rig->daemon[0]);
	close_one(&rig->daemon[1]);
	for (int i = 0; i < 8; i++) {
		g_autofree char *path = g_strdup_printf("%s/%d", rig->dir, i);

		g_remove(path);
	}
	g_remove(rig->marker);
	g_assert_cmpint(g_rmdir(rig->dir), ==, 0);
	g_free(rig->dir);
	g_free(rig->marker);
	g_string_free(rig->thawed, TRUE);
	g_mutex_clear(&rig->lock);
	g_cond_clear(&rig->moved);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rig, rig_deinit)

static void tell(Rig *rig, enum vss_msg_type type, guint index, guint value)
{
	struct vss_msg msg = { .type = type, .index = index, .value = value };

	g_assert_cmpint(vss_tell(rig->worker, &msg), ==, 0);
}

static void send_target(Rig *rig, guint index, int fd)
{
	struct vss_msg msg = { .type = VSS_MSG_TARGET, .index = index };

	msg.target = (struct vss_target){ .major = 7, .minor = index, .mount_id = 40, .pid = 1 };
	g_snprintf(msg.target.path, PATH_MAX, "/t/%u", index);
	g_assert_cmpint(vss_send(rig->worker, &msg, fd), ==, 0);
}

static int open_file(Rig *rig, guint index)
{
	g_autofree char *path = g_strdup_printf("%s/%u", rig->dir, index);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	return fd;
}

/* @n targets, armed. What the guard answers. */
static int arm(Rig *rig, guint n, guint deadline_ms)
{
	struct vss_msg msg;
	int fd;

	for (guint i = 0; i < n; i++) {
		fd = open_file(rig, i);
		send_target(rig, i, fd);
		close(fd);
	}
	tell(rig, VSS_MSG_ARM, 0, deadline_ms);
	g_assert_cmpint(vss_receive(rig->worker, &msg, &fd), ==, 0);
	g_assert_cmpint(msg.type, ==, VSS_MSG_ARM);
	return msg.err;
}

/* Which descriptor is the guard's copy of which target's is told by its file. */
static void find_copies(Rig *rig)
{
	for (int fd = 0; fd < 1024; fd++) {
		g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
		g_autofree char *target = g_file_read_link(link, NULL);

		if (target && g_str_has_prefix(target, rig->dir))
			rig->index_of[fd] = target[strlen(target) - 1] - '0';
	}
}

static void start(Rig *rig, guint n, guint deadline_ms)
{
	rig_init(rig);
	g_assert_cmpint(arm(rig, n, deadline_ms), ==, 0);
	find_copies(rig);
	g_assert_true(g_file_test(rig->marker, G_FILE_TEST_EXISTS));
}

static void wait_for_thaw(Rig *rig, const char *thawed)
{
	gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
	gboolean in_time = TRUE;

	g_mutex_lock(&rig->lock);
	while (in_time && !strstr(rig->thawed->str, thawed))
		in_time = g_cond_wait_until(&rig->moved, &rig->lock, until);
	g_mutex_unlock(&rig->lock);
	if (!in_time)
		g_error("not thawed: %s", thawed);
}

static void set_held(Rig *rig, guint index, gboolean held)
{
	g_mutex_lock(&rig->lock);
	rig->held[index] = held;
	g_cond_broadcast(&rig->moved);
	g_mutex_unlock(&rig->lock);
}

static void assert_marker_gone(Rig *rig)
{
	g_assert_false(g_file_test(rig->marker, G_FILE_TEST_EXISTS));
}

/* --- the switch of hurry.h --- */

static void set_switch(const char *value)
{
	g_autoptr(GError) error = NULL;

	g_free(hurry_switch);
	hurry_switch = g_build_filename(g_get_tmp_dir(), "hvis-hurry-XXXXXX", NULL);
	close(g_mkstemp(hurry_switch));
	g_assert_true(g_file_set_contents(hurry_switch, value, -1, &error));
	fake.hurry = hurry_switch;
}

static void assert_switch(const char *value)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(hurry_switch, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, value);
}

static void remove_switch(void)
{
	fake.hurry = NULL;
	g_remove(hurry_switch);
	g_clear_pointer(&hurry_switch, g_free);
}

static gboolean has_note(const Rig *rig)
{
	g_autofree char *path = g_strconcat(rig->marker, VSS_HURRY_NOTE, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* A message that changes nothing is answered by nothing: the file is looked at until it has @value. */
static void wait_for_switch(const char *value)
{
	for (gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;;) {
		g_autofree char *text = NULL;

		g_assert_true(g_file_get_contents(hurry_switch, &text, NULL, NULL));
		if (g_str_equal(text, value))
			return;
		g_assert_cmpint(g_get_monotonic_time(), <, until);
		g_usleep(1000);
	}
}

static void test_hurry(void)
{
	g_auto(Rig) rig = { 0 };

	set_switch("0\n");
	start(&rig, 1, 60000);
	assert_switch("1\n"); /* before the first freeze */
	g_assert_true(has_note(&rig));
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	tell(&rig, VSS_MSG_HELD, 0, 0);
	wait_for_switch("0\n"); /* while all is frozen */
	tell(&rig, VSS_MSG_NOT_FROZEN, 0, 0);
	tell(&rig, VSS_MSG_DONE, 0, 0);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	assert_switch("0\n");
	g_assert_false(has_note(&rig));
	remove_switch();
}

static void test_hurry_without_worker(void)
{
	g_auto(Rig) rig = { 0 };

	set_switch("0\n");
	start(&rig, 1, 60000);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 1);
	assert_switch("0\n");
	g_assert_false(has_note(&rig));
	remove_switch();
}

/* Somebody else has it on, and keeps it. */
static void test_hurry_of_others(void)
{
	g_auto(Rig) rig = { 0 };

	set_switch("1\n");
	start(&rig, 1, 60000);
	g_assert_false(has_note(&rig));
	tell(&rig, VSS_MSG_HELD, 0, 0);
	tell(&rig, VSS_MSG_DONE, 0, 0);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	assert_switch("1\n");
	remove_switch();
}

/* Switched on by somebody else while all is frozen: it stays so. */
static void test_hurry_of_others_meanwhile(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-vssd-XXXXXX", NULL);
	g_autofree char *marker = g_build_filename(dir, "vss.frozen", NULL);
	struct vss_hurry hurry;
	FILE *file;

	set_switch("0\n");
	vss_hurry_begin(&hurry, hurry_switch, marker);
	vss_hurry_end(&hurry);
	file = fopen(hurry_switch, "r+e");
	g_assert_cmpint(fputs("1\n", file), >=, 0);
	g_assert_cmpint(fclose(file), ==, 0);
	vss_hurry_end(&hurry);
	vss_hurry_forget(&hurry);
	assert_switch("1\n");
	g_assert_cmpint(g_rmdir(dir), ==, 0); /* and there is no note any more */
	remove_switch();
}

/* The guard was killed: a note is all that is left. Without one the switch is somebody else's. */
static void test_hurry_left_over(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-vssd-XXXXXX", NULL);
	g_autofree char *marker = g_build_filename(dir, "vss.frozen", NULL);
	struct vss_hurry hurry;

	set_switch("0\n");
	vss_hurry_begin(&hurry, hurry_switch, marker);
	assert_switch("1\n");
	close(hurry.fd);
	vss_hurry_undo(hurry_switch, marker);
	assert_switch("0\n");
	g_assert_cmpint(g_rmdir(dir), ==, 0); /* and there is nothing in it */
	remove_switch();
	set_switch("1\n");
	vss_hurry_undo(hurry_switch, marker);
	assert_switch("1\n");
	remove_switch();
}

static void test_worker_sees_to_it(void)
{
	g_auto(Rig) rig = { 0 };

	start(&rig, 2, 60000);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	tell(&rig, VSS_MSG_FREEZING, 1, 0);
	tell(&rig, VSS_MSG_NOT_FROZEN, 1, 0);
	tell(&rig, VSS_MSG_NOT_FROZEN, 0, 0);
	tell(&rig, VSS_MSG_DONE, 0, 0);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	g_assert_cmpstr(rig.thawed->str, ==, "");
	assert_marker_gone(&rig);
}

static void test_worker_dies(void)
{
	g_auto(Rig) rig = { 0 };

	start(&rig, 3, 60000);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	tell(&rig, VSS_MSG_FREEZING, 1, 0);
	tell(&rig, VSS_MSG_FREEZING, 2, 0);
	tell(&rig, VSS_MSG_NOT_FROZEN, 1, 0);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 1);
	g_assert_cmpstr(rig.thawed->str, ==, "2 0 ");
	assert_marker_gone(&rig);
}

/* The daemon is dead; a freeze that the worker is within may end after the first round. */
static void test_daemon_dies(void)
{
	g_auto(Rig) rig = { 0 };

	start(&rig, 2, 60000);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	tell(&rig, VSS_MSG_FREEZING, 1, 0);
	close_one(&rig.daemon[1]);
	wait_for_thaw(&rig, "1 0 1 0 ");
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 1);
	assert_marker_gone(&rig);
}

static void test_worker_says_so_after_the_daemon_died(void)
{
	g_auto(Rig) rig = { 0 };

	start(&rig, 1, 60000);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	close_one(&rig.daemon[1]);
	wait_for_thaw(&rig, "0 ");
	tell(&rig, VSS_MSG_NOT_FROZEN, 0, 0);
	tell(&rig, VSS_MSG_DONE, 0, 0);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	assert_marker_gone(&rig);
}

static void test_deadline(void)
{
	g_auto(Rig) rig = { 0 };
	gint64 before = g_get_monotonic_time();

	start(&rig, 2, 50);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	tell(&rig, VSS_MSG_FREEZING, 1, 0);
	wait_for_thaw(&rig, "1 0 ");
	g_assert_cmpint(g_get_monotonic_time() - before, >=, 50000 + VSS_GUARD_GRACE_US);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 1);
}

/* Thawed by somebody else meanwhile, or hindered once: neither ends it. */
static void test_thaw_fails_once(void)
{
	g_auto(Rig) rig = { 0 };

	start(&rig, 2, 60000);
	rig.errs[0] = EIO;
	rig.errs[1] = EINVAL;
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	tell(&rig, VSS_MSG_FREEZING, 1, 0);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 1);
	g_assert_cmpstr(rig.thawed->str, ==, "1 0 1 0 ");
	assert_marker_gone(&rig);
}

/*
 * What stands on another one waits in its thaw for that, which is frozen only now: the worker was killed
 * within its freeze, which had not ended when it was to be thawed first. Both stayed frozen for ever.
 */
static void test_a_thaw_that_waits_for_another(void)
{
	g_auto(Rig) rig = { 0 };

	start(&rig, 3, 60000);
	set_held(&rig, 1, TRUE);
	rig.errs[2] = EINVAL;
	for (guint i = 0; i < 3; i++)
		tell(&rig, VSS_MSG_FREEZING, i, 0);
	close_one(&rig.daemon[1]);
	wait_for_thaw(&rig, "2 0 2 ");
	close_one(&rig.worker);
	wait_for_thaw(&rig, "2 0 2 0 2 ");
	set_held(&rig, 1, FALSE);
	g_assert_cmpint(rig_join(&rig), ==, 1);
	g_assert_nonnull(strstr(rig.thawed->str, "1 "));
	assert_marker_gone(&rig);
}

static void test_nothing_before_it_is_armed(void)
{
	g_auto(Rig) rig = { 0 };
	int fd;

	rig_init(&rig);
	fd = open_file(&rig, 0);
	send_target(&rig, 0, fd);
	close(fd);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	g_assert_cmpstr(rig.thawed->str, ==, "");
	assert_marker_gone(&rig);
}

/* Without a marker there is no way back for who comes later: no freeze. */
static void test_no_marker(void)
{
	g_auto(Rig) rig = { 0 };
	struct vss_msg msg;
	int fd;

	rig_init(&rig);
	g_assert_cmpint(g_rmdir(rig.dir), ==, 0);
	tell(&rig, VSS_MSG_ARM, 0, 60000);
	g_assert_cmpint(vss_receive(rig.worker, &msg, &fd), ==, 0);
	g_assert_cmpint(msg.err, ==, ENOENT);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	g_assert_cmpint(g_mkdir(rig.dir, 0700), ==, 0);
}

/* What was left over and is not undone yet is named by the one that there is. */
static void test_marker_of_a_former_one_is_overwritten(void)
{
	static const struct vss_target former = { 7, 99, 1, 1, 0, "/former" };
	g_autofree struct vss_target *in = g_new0(struct vss_target, VSS_TARGETS_MAX);
	g_auto(Rig) rig = { 0 };
	unsigned int n = 0;

	rig_init(&rig);
	g_assert_cmpint(vss_marker_write(rig.marker, &former, 1), ==, 0);
	g_assert_cmpint(arm(&rig, 1, 60000), ==, EEXIST);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 0);
	g_assert_cmpint(vss_marker_read(rig.marker, in, VSS_TARGETS_MAX, &n), ==, 0);
	g_assert_cmpuint(n, ==, 1);
	g_assert_cmpstr(in[0].path, ==, "/former");
}

/* Numbers out of range, a descriptor missing or too many, a fragment: none does any harm. */
static void test_wrong_messages(void)
{
	g_auto(Rig) rig = { 0 };
	int fd;

	start(&rig, 1, 60000);
	tell(&rig, VSS_MSG_FREEZING, 1, 0);
	tell(&rig, VSS_MSG_FREEZING, UINT32_MAX, 0);
	tell(&rig, 77, 0, 0);
	g_assert_cmpint(write(rig.worker, "short", 5), ==, 5);
	send_target(&rig, 1, -1);
	fd = open_file(&rig, 1);
	send_target(&rig, 1, fd); /* too late: it is armed */
	close(fd);
	tell(&rig, VSS_MSG_FREEZING, 0, 0);
	close_one(&rig.worker);
	g_assert_cmpint(rig_join(&rig), ==, 1);
	g_assert_cmpstr(rig.thawed->str, ==, "0 ");
}

static void test_marker(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-vssd-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "m", NULL);
	g_autofree struct vss_target *out = g_new0(struct vss_target, VSS_TARGETS_MAX);
	g_autofree struct vss_target *in = g_new0(struct vss_target, VSS_TARGETS_MAX);
	static const char *const paths[] = { "/", "/a b", "/new\nline \\n", "/7:0 1 1 /x" };
	unsigned int n = 0;

	for (guint i = 0; i < VSS_TARGETS_MAX; i++) {
		out[i] = (struct vss_target){ 7, i, (int)i + 100, (int)i + 1, 0, "" };
		g_strlcpy(out[i].path, paths[i % G_N_ELEMENTS(paths)], PATH_MAX);
	}
	memset(out[5].path, 'p', PATH_MAX - 1);
	out[5].path[0] = '/';
	g_assert_cmpint(vss_marker_write(path, out, VSS_TARGETS_MAX), ==, 0);
	g_assert_cmpint(vss_marker_read(path, in, VSS_TARGETS_MAX, &n), ==, 0);
	g_assert_cmpuint(n, ==, VSS_TARGETS_MAX);
	for (guint i = 0; i < n; i++) {
		g_assert_cmpuint(in[i].minor, ==, i);
		g_assert_cmpint(in[i].mount_id, ==, (int)i + 100);
		g_assert_cmpint(in[i].pid, ==, (int)i + 1);
		g_assert_cmpstr(in[i].path, ==, out[i].path);
	}
	g_assert_cmpint(vss_marker_read(path, in, VSS_TARGETS_MAX - 1, &n), ==, EBADMSG);
	g_assert_cmpint(vss_marker_replace(path, out, 1), ==, 0);
	g_assert_cmpint(vss_marker_read(path, in, 1, &n), ==, 0);
	g_assert_cmpuint(n, ==, 1);
	g_assert_cmpint(g_remove(path), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* A guard that is killed while it writes leaves no marker, and the next in line no file. */
static void test_marker_of_a_killed_guard(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-vssd.XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "vss.frozen", NULL);
	g_autofree char *unfinished = g_strconcat(path, ".new", NULL);

	g_assert_true(g_file_set_contents(unfinished, "# hv_vss", -1, NULL));
	g_assert_false(vss_marker_is_there(path));
	vss_marker_forget_unfinished(path);
	g_assert_false(g_file_test(unfinished, G_FILE_TEST_EXISTS));
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_marker_that_is_wrong(void)
{
	static const char head[] = "# hv_vss_daemon: what may be frozen\n";
	static const char *const lines[] = { "7:0 1 1 relative\n", "7:0 1 1 /no-end",
		"7:0 1 0 /a\n", "7:0 1 -3 /a\n", "7:0 1 1 /a\\x\n", "7:0 1 1\n", "nonsense\n",
		"7:0 1 1 \n", "7:0 1 1 /a\\" };
	g_autofree char *dir = g_dir_make_tmp("hvis-vssd-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "m", NULL);
	g_autofree struct vss_target *in = g_new0(struct vss_target, VSS_TARGETS_MAX);
	unsigned int n = 77;

	g_assert_cmpint(vss_marker_read(path, in, VSS_TARGETS_MAX, &n), ==, ENOENT);
	g_assert_true(g_file_set_contents(path, "", 0, NULL));
	g_assert_cmpint(vss_marker_read(path, in, VSS_TARGETS_MAX, &n), ==, EBADMSG);
	g_assert_true(g_file_set_contents(path, "7:0 1 1 /a\n", -1, NULL));
	g_assert_cmpint(vss_marker_read(path, in, VSS_TARGETS_MAX, &n), ==, EBADMSG);
	for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *text = g_strconcat(head, lines[i], NULL);

		g_assert_true(g_file_set_contents(path, text, -1, NULL));
		g_assert_cmpint(vss_marker_read(path, in, VSS_TARGETS_MAX, &n), ==, EBADMSG);
		g_assert_cmpuint(n, ==, 77);
	}
	g_assert_cmpint(g_remove(path), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(300); /* a guard that never ends, or never thaws, would be waited for without one */
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/guard/worker-sees-to-it", test_worker_sees_to_it);
	g_test_add_func("/vssd/guard/worker-dies", test_worker_dies);
	g_test_add_func("/vssd/guard/daemon-dies", test_daemon_dies);
	g_test_add_func("/vssd/guard/worker-says-so-after-the-daemon-died",
		test_worker_says_so_after_the_daemon_died);
	g_test_add_func("/vssd/guard/deadline", test_deadline);
	g_test_add_func("/vssd/guard/thaw-fails-once", test_thaw_fails_once);
	g_test_add_func(
		"/vssd/guard/a-thaw-that-waits-for-another", test_a_thaw_that_waits_for_another);
	g_test_add_func("/vssd/guard/nothing-before-it-is-armed", test_nothing_before_it_is_armed);
	g_test_add_func("/vssd/guard/no-marker", test_no_marker);
	g_test_add_func("/vssd/guard/marker-of-a-former-one-is-overwritten",
		test_marker_of_a_former_one_is_overwritten);
	g_test_add_func("/vssd/guard/wrong-messages", test_wrong_messages);
	g_test_add_func("/vssd/marker", test_marker);
	g_test_add_func("/vssd/marker/of-a-killed-guard", test_marker_of_a_killed_guard);
	g_test_add_func("/vssd/marker/that-is-wrong", test_marker_that_is_wrong);
	g_test_add_func("/vssd/guard/hurry", test_hurry);
	g_test_add_func("/vssd/guard/hurry/without-worker", test_hurry_without_worker);
	g_test_add_func("/vssd/guard/hurry/of-others", test_hurry_of_others);
	g_test_add_func("/vssd/guard/hurry/of-others-meanwhile", test_hurry_of_others_meanwhile);
	g_test_add_func("/vssd/guard/hurry/left-over", test_hurry_left_over);
	return g_test_run();
}
