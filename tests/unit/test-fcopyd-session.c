/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's requests in any order, with a disk that the test plays: what it is answered, and what is told of it. */
#include "config.h"

#include "tests/unit/fcopyd-file.h"

#include <hvis/hresult.h>

#include "fcopyd/session.h"

#define FRAGMENT HVIS_FCOPY_FRAGMENT

typedef struct {
	FcopySession *session;
	guint64 txn; /* the last one */
	guint64 answered; /* the last one that was, and with what */
	guint32 status;
	guint begun, ended, late;
	FcopyTransfer last; /* that ended */
} Fixture;

static gint64 clock_back; /* microseconds */

gint64 __real_g_get_real_time(void);
gint64 __wrap_g_get_real_time(void);
gint64 __wrap_g_get_real_time(void)
{
	return __real_g_get_real_time() - clock_back;
}

static void on_answer(guint64 txn, guint32 status, gpointer data)
{
	Fixture *f = data;

	g_assert_cmpuint(txn, ==, f->txn);
	g_assert_cmpuint(txn, >, f->answered); /* once */
	f->answered = txn;
	f->status = status;
}

static void on_begun(const FcopyTransfer *transfer, gpointer data)
{
	((Fixture *)data)->begun++;
	g_assert_cmpstr(transfer->target, ==, "/srv/file");
}

static void on_ended(const FcopyTransfer *transfer, gpointer data)
{
	Fixture *f = data;

	f->ended++;
	fcopy_transfer_clear(&f->last);
	f->last = *transfer;
	f->last.target = g_strdup(transfer->target);
	f->last.directory = g_strdup(transfer->directory);
	f->last.name = g_strdup(transfer->name);
	f->last.message = g_strdup(transfer->message);
	g_assert_cmpint(transfer->end_us, >=, transfer->begin_us);
}

static void on_late(const FcopyTransfer *transfer, gpointer data)
{
	((Fixture *)data)->late++;
	g_assert_cmpstr(transfer->target, ==, "/srv/file");
	g_assert_cmpstr(transfer->name, ==, "file");
	g_assert_cmpint(transfer->result, ==, FCOPY_RESULT_OK);
	g_assert_cmpstr(transfer->sha256, ==, "0123");
	g_assert_cmpstr(transfer->message, ==,
		"it was there already when it was to be given up: it took longer than the host "
		"waits");
	g_assert_cmpint(transfer->end_us, >=, transfer->begin_us);
}

static const FcopySessionOps ops = { on_answer, on_begun, on_ended, on_late };

static void setup(Fixture *f, gconstpointer data)
{
	g_autoptr(FcopyGround) ground = fcopy_ground_new(-1, NULL);

	files_reset();
	f->session = fcopy_session_new(ground, &ops, f);
}

static void settle(Fixture *f)
{
	while (fcopy_session_is_busy(f->session))
		g_main_context_iteration(NULL, TRUE);
}

static void teardown(Fixture *f, gconstpointer data)
{
	files_hold(FILE_CREATE, FALSE);
	files_hold(FILE_WRITE, FALSE);
	files_hold(FILE_FINISH, FALSE);
	files_hold(FILE_FREE, FALSE);
	fcopy_session_stop(f->session);
	settle(f);
	fcopy_session_free(f->session);
	fcopy_transfer_clear(&f->last);
}

/* --- the host --- */

static gboolean is_answered(const Fixture *f)
{
	return f->answered == f->txn;
}

static void ask(Fixture *f, const FcopyRequest *request)
{
	f->txn++;
	fcopy_session_request(f->session, f->txn, request, FCOPY_TEXT_UTF16);
}

static void await_answer(Fixture *f, guint32 status)
{
	while (!is_answered(f))
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmphex(f->status, ==, status);
}

static void ask_start(Fixture *f, guint64 size)
{
	const FcopyRequest request = { .op = HVIS_FCOPY_OP_START,
		.name = (char *)"file",
		.path = (char *)"/srv/",
		.size = size };

	ask(f, &request);
}

static void start(Fixture *f, guint64 size)
{
	ask_start(f, size);
	await_answer(f, HVIS_S_OK);
}

static void ask_write(Fixture *f, guint64 offset, guint32 len)
{
	static const guint8 zeros[FRAGMENT];
	const FcopyRequest request = {
		.op = HVIS_FCOPY_OP_WRITE, .offset = offset, .len = len, .data = zeros
	};

	ask(f, &request);
}

static void ask_bare(Fixture *f, enum hvis_fcopy_op op)
{
	const FcopyRequest request = { .op = op };

	ask(f, &request);
}

static void say(Fixture *f, enum hvis_fcopy_op op, guint32 status)
{
	ask_bare(f, op);
	await_answer(f, status);
}

static void write_one(Fixture *f, guint32 status)
{
	ask_write(f, 0, FRAGMENT);
	await_answer(f, status);
}

/* Until one has to wait. */
static void fill(Fixture *f)
{
	for (guint64 offset = 0; is_answered(f); offset += FRAGMENT)
		ask_write(f, offset, FRAGMENT);
}

static void await_held(FileCall call)
{
	while (files_count(&files.waiting[call]) == 0)
		g_usleep(1000);
}

static void await_failure(Fixture *f)
{
	while (fcopy_session_is_busy(f->session))
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpstr(fcopy_state_name(fcopy_session_state(f->session)), ==, "failed");
}

static void assert_end(Fixture *f, FcopyResult result, FcopyEnder ender, const char *message)
{
	settle(f);
	g_assert_cmpuint(f->ended, ==, 1);
	g_assert_cmpint(f->last.result, ==, result);
	g_assert_cmpint(f->last.ender, ==, ender);
	if (!strstr(f->last.message, message))
		g_error("\"%s\" has not \"%s\"", f->last.message, message);
	g_assert_cmpuint(files.freed, ==, files.made);
	g_assert_cmpuint(files.named, ==, result == FCOPY_RESULT_OK ? 1 : 0);
}

static void test_whole(Fixture *f, gconstpointer data)
{
	start(f, FRAGMENT);
	g_assert_cmpuint(f->begun, ==, 1);
	ask_write(f, 0, FRAGMENT);
	g_assert_true(is_answered(f)); /* from memory, at once */
	g_assert_cmpuint(fcopy_session_queued(f->session), ==, FRAGMENT);
	g_assert_cmpuint(fcopy_session_transfer(f->session)->received, ==, FRAGMENT);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_S_OK);
	assert_end(f, FCOPY_RESULT_OK, FCOPY_ENDER_HOST, "on the disk");
	g_assert_cmpstr(f->last.sha256, ==, "0123");
	g_assert_cmpuint(f->last.received, ==, FRAGMENT);
	g_assert_cmpuint(f->last.repeated, ==, 7);
	g_assert_cmpstr(f->last.target, ==, "/srv/file");
	g_assert_null(fcopy_session_transfer(f->session));
}

static void test_without_start(Fixture *f, gconstpointer data)
{
	write_one(f, HVIS_E_NOT_CONNECTED);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_NOT_CONNECTED);
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
	start(f, FRAGMENT);
	write_one(f, HVIS_S_OK);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_S_OK);
	write_one(f, HVIS_E_NOT_CONNECTED);
	g_assert_cmpuint(f->ended, ==, 1);
}

/* The same failure, whatever comes, until the host begins anew. */
static void test_refused(Fixture *f, gconstpointer data)
{
	files_fail(FILE_CREATE, HVIS_ERROR_EXISTS);
	ask_start(f, 1);
	await_answer(f, HVIS_E_ALREADY_EXISTS);
	write_one(f, HVIS_E_ALREADY_EXISTS);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_ALREADY_EXISTS);
	write_one(f, HVIS_E_ALREADY_EXISTS);
	assert_end(f, FCOPY_RESULT_REFUSED, FCOPY_ENDER_FAILURE, "the test says no");
	g_assert_cmpuint(f->begun, ==, 0);
	g_assert_null(f->last.target);
	files_fail(FILE_CREATE, 0);
	start(f, 1);
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
}

static void test_write_fails(Fixture *f, gconstpointer data)
{
	start(f, 100 * FRAGMENT);
	files_fail(FILE_WRITE, HVIS_ERROR_NO_SPACE);
	for (guint64 offset = 0; offset < FCOPY_INTAKE_PIECE; offset += FRAGMENT)
		ask_write(f, offset, FRAGMENT);
	await_failure(f);
	write_one(f, HVIS_E_DISK_FULL);
	write_one(f, HVIS_E_DISK_FULL);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_DISK_FULL);
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
	write_one(f, HVIS_E_NOT_CONNECTED);
	assert_end(f, FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE, "the test says no");
}

static void test_finish_fails(Fixture *f, gconstpointer data)
{
	start(f, 100);
	files_fail(FILE_FINISH, HVIS_ERROR_INVALID);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_INVALIDARG);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_E_INVALIDARG);
	assert_end(f, FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE, "the test says no");
}

/* As after a migration: on_ended() looks at the times. */
static void test_clock_set_back(Fixture *f, gconstpointer data)
{
	start(f, FRAGMENT);
	write_one(f, HVIS_S_OK);
	clock_back = G_TIME_SPAN_HOUR;
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_S_OK);
	clock_back = 0;
	g_assert_cmpuint(f->ended, ==, 1);
	start(f, FRAGMENT);
	clock_back = G_TIME_SPAN_HOUR;
	start(f, FRAGMENT);
	clock_back = 0;
	g_assert_cmpuint(f->ended, ==, 2);
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
}

static void test_full(Fixture *f, gconstpointer data)
{
	start(f, 100 << 20);
	files_hold(FILE_WRITE, TRUE);
	fill(f);
	g_assert_cmpstr(fcopy_state_name(fcopy_session_state(f->session)), ==, "writing");
	g_assert_cmpstr(fcopy_state_word(fcopy_session_state(f->session)), ==, "receiving");
	files_hold(FILE_WRITE, FALSE);
	await_answer(f, HVIS_S_OK);
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
	assert_end(f, FCOPY_RESULT_CANCELLED, FCOPY_ENDER_HOST, "cancelled");
}

static void test_full_and_broken(Fixture *f, gconstpointer data)
{
	start(f, 100 << 20);
	files_hold(FILE_WRITE, TRUE);
	fill(f);
	files_fail(FILE_WRITE, HVIS_ERROR_NO_SPACE);
	files_hold(FILE_WRITE, FALSE);
	while (!is_answered(f))
		g_main_context_iteration(NULL, TRUE);
	if (f->status == HVIS_S_OK) /* there was room before it was told */
		await_failure(f);
	write_one(f, HVIS_E_DISK_FULL);
}

/* A host that begins anew has given up what there was. */
static void test_start_again(Fixture *f, gconstpointer data)
{
	start(f, FRAGMENT);
	write_one(f, HVIS_S_OK);
	ask_start(f, 7);
	g_assert_cmpuint(f->ended, ==, 1);
	g_assert_cmpint(f->last.result, ==, FCOPY_RESULT_CANCELLED);
	g_assert_cmpuint(f->last.received, ==, FRAGMENT);
	await_answer(f, HVIS_S_OK);
	g_assert_cmpuint(fcopy_session_transfer(f->session)->size, ==, 7);
	say(f, HVIS_FCOPY_OP_COMPLETE, HVIS_S_OK);
	settle(f);
	g_assert_cmpuint(files.named, ==, 1);
	g_assert_cmpuint(f->ended, ==, 2);
	g_assert_cmpuint(f->late, ==, 0);
}

/* The host is told a failure in our place, and the file does not get its name any more. */
static void test_overdue(Fixture *f, gconstpointer data)
{
	start(f, 0);
	files_hold(FILE_FINISH, TRUE);
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	await_held(FILE_FINISH);
	fcopy_session_overdue(f->session, f->txn - 1); /* of another time */
	g_assert_cmpstr(fcopy_state_name(fcopy_session_state(f->session)), ==, "finishing");
	fcopy_session_overdue(f->session, f->txn);
	f->answered = f->txn;
	g_assert_cmpuint(f->ended, ==, 0);
	write_one(f, HVIS_E_FAIL);
	files_hold(FILE_FINISH, FALSE);
	assert_end(f, FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE, "longer than the host waits");
	write_one(f, HVIS_E_FAIL);
}

static void test_too_late(Fixture *f, gconstpointer data)
{
	start(f, 0);
	files_hold(FILE_FINISH, TRUE);
	files.names_late = TRUE;
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	await_held(FILE_FINISH);
	ask_bare(f, HVIS_FCOPY_OP_CANCEL);
	files_hold(FILE_FINISH, FALSE);
	await_answer(f, HVIS_E_FAIL);
	assert_end(f, FCOPY_RESULT_OK, FCOPY_ENDER_HOST, "there already");
}

/* File servers that are dead: each has a thread of its own, but only so many. */
static void test_stuck(Fixture *f, gconstpointer data)
{
	files_hold(FILE_FINISH, TRUE);
	for (guint i = 0; i < FCOPY_SESSION_STUCK_MAX; i++) {
		start(f, 0);
		ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
		while (files_count(&files.waiting[FILE_FINISH]) <= i)
			g_usleep(1000);
		fcopy_session_overdue(f->session, f->txn);
		f->answered = f->txn;
	}
	ask_start(f, 0);
	await_answer(f, HVIS_E_FAIL);
	g_assert_nonnull(strstr(f->last.message, "do not answer"));
	g_assert_cmpuint(f->ended, ==, FCOPY_SESSION_STUCK_MAX + 1);
	files_hold(FILE_FINISH, FALSE);
	settle(f);
	start(f, 0);
	g_assert_cmpuint(f->late, ==, 0);
	g_assert_cmpuint(files.named, ==, 0);
}

static void test_late(Fixture *f, gconstpointer data)
{
	start(f, 0);
	files_hold(FILE_FINISH, TRUE);
	files.names_late = TRUE;
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	await_held(FILE_FINISH);
	fcopy_session_overdue(f->session, f->txn);
	f->answered = f->txn;
	start(f, 0);
	files_hold(FILE_FINISH, FALSE);
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
	settle(f);
	g_assert_cmpuint(f->late, ==, 1);
}

static void test_lost(Fixture *f, gconstpointer data)
{
	start(f, FRAGMENT);
	write_one(f, HVIS_S_OK);
	files_hold(FILE_FINISH, TRUE);
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	fcopy_session_lost(f->session);
	files_hold(FILE_FINISH, FALSE);
	settle(f);
	g_assert_false(is_answered(f)); /* whom? */
	assert_end(f, FCOPY_RESULT_FAILED, FCOPY_ENDER_DEVICE, "device");
	f->answered = f->txn;
	write_one(f, HVIS_E_NOT_CONNECTED);
}

static void test_stop(Fixture *f, gconstpointer data)
{
	files_hold(FILE_CREATE, TRUE);
	ask_start(f, FRAGMENT);
	await_held(FILE_CREATE);
	fcopy_session_stop(f->session);
	await_answer(f, HVIS_E_FAIL);
	files_hold(FILE_CREATE, FALSE);
	assert_end(f, FCOPY_RESULT_FAILED, FCOPY_ENDER_DAEMON, "stopped");
}

static void test_hand(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(fcopy_session_cancel(f->session, &error));
	g_assert_error(error, HVIS_ERROR, HVIS_ERROR_NOT_FOUND);
	start(f, FRAGMENT);
	g_assert_true(fcopy_session_cancel(f->session, NULL));
	write_one(f, HVIS_E_FAIL);
	assert_end(f, FCOPY_RESULT_CANCELLED, FCOPY_ENDER_HAND, "by hand");
	say(f, HVIS_FCOPY_OP_CANCEL, HVIS_S_OK);
}

/* What has ended it is what came first, whatever happens until it is gone. */
static void test_first_counts(Fixture *f, gconstpointer data)
{
	start(f, FRAGMENT);
	files_hold(FILE_FREE, TRUE);
	g_assert_true(fcopy_session_cancel(f->session, NULL));
	await_held(FILE_FREE);
	start(f, FRAGMENT);
	g_assert_cmpuint(f->ended, ==, 1);
	g_assert_cmpint(f->last.ender, ==, FCOPY_ENDER_HAND);
	g_assert_cmpstr(f->last.message, ==, "it was cancelled by hand");
}

static void test_out_of_turn(Fixture *f, gconstpointer data)
{
	files_hold(FILE_CREATE, TRUE);
	ask_start(f, FRAGMENT);
	ask_write(f, 0, 1);
	await_answer(f, HVIS_E_INVALIDARG);
	write_one(f, HVIS_E_FAIL);
	files_hold(FILE_CREATE, FALSE);
	assert_end(f, FCOPY_RESULT_FAILED, FCOPY_ENDER_FAILURE, "without waiting");
}

/* What the device's kernel may have cut is not taken for what the host meant. */
static void test_cut(Fixture *f, gconstpointer data)
{
	g_autofree char *longest = g_strnfill(HVIS_FCOPY_DEVICE_TEXT_CUT - 1, 'x');
	g_autofree char *cut = g_strnfill(HVIS_FCOPY_DEVICE_TEXT_CUT, 'x');
	const struct {
		const char *path, *name;
		FcopyText text;
		guint32 status;
	} cases[] = {
		{ longest, longest, FCOPY_TEXT_UTF8, HVIS_S_OK },
		{ cut, "a", FCOPY_TEXT_UTF8, HVIS_E_INVALIDARG },
		{ "a", cut, FCOPY_TEXT_UTF8, HVIS_E_INVALIDARG },
		{ cut, cut, FCOPY_TEXT_UTF16, HVIS_S_OK },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const FcopyRequest request = { .op = HVIS_FCOPY_OP_START,
			.name = (char *)cases[i].name,
			.path = (char *)cases[i].path };

		files_hold(FILE_CREATE, TRUE);
		f->txn++;
		fcopy_session_request(f->session, f->txn, &request, cases[i].text);
		if (cases[i].status == HVIS_S_OK) {
			await_held(FILE_CREATE);
			fcopy_session_stop(f->session); /* as far as this goes */
		} else {
			await_answer(f, cases[i].status);
			g_assert_nonnull(strstr(f->last.message, "cut off by the kernel"));
		}
		files_hold(FILE_CREATE, FALSE);
		settle(f);
	}
}

static void test_unknown_flag(Fixture *f, gconstpointer data)
{
	const FcopyRequest request = { .op = HVIS_FCOPY_OP_START,
		.name = (char *)"file",
		.path = (char *)"/srv/",
		.flags = 4 };

	ask(f, &request);
	await_answer(f, HVIS_E_NOT_SUPPORTED);
	assert_end(f, FCOPY_RESULT_REFUSED, FCOPY_ENDER_FAILURE, "flags 0x4");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{ "/fcopyd/session/whole", test_whole },
		{ "/fcopyd/session/without-start", test_without_start },
		{ "/fcopyd/session/refused", test_refused },
		{ "/fcopyd/session/write-fails", test_write_fails },
		{ "/fcopyd/session/finish-fails", test_finish_fails },
		{ "/fcopyd/session/clock-set-back", test_clock_set_back },
		{ "/fcopyd/session/full", test_full },
		{ "/fcopyd/session/full-and-broken", test_full_and_broken },
		{ "/fcopyd/session/start-again", test_start_again },
		{ "/fcopyd/session/overdue", test_overdue },
		{ "/fcopyd/session/too-late", test_too_late },
		{ "/fcopyd/session/stuck", test_stuck },
		{ "/fcopyd/session/late", test_late },
		{ "/fcopyd/session/lost", test_lost },
		{ "/fcopyd/session/stop", test_stop },
		{ "/fcopyd/session/hand", test_hand },
		{ "/fcopyd/session/first-counts", test_first_counts },
		{ "/fcopyd/session/out-of-turn", test_out_of_turn },
		{ "/fcopyd/session/cut", test_cut },
		{ "/fcopyd/session/unknown-flag", test_unknown_flag },
	};

	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
