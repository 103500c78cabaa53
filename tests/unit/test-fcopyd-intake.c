/* SPDX-License-Identifier: GPL-2.0-only */
/* The queue between the host and a disk that the test plays: what waits, what is told, and who is never waited for. */
#include "config.h"

#include "tests/unit/fcopyd-file.h"

#include "fcopyd/intake.h"

#define FRAGMENT HVIS_FCOPY_FRAGMENT
#define QUEUE ((guint64)FCOPY_INTAKE_PIECE * FCOPY_INTAKE_PIECES)

typedef struct {
	FcopyGround *ground;
	FcopyIntake *intake;
	guint opened, rooms, broken, finished, dropped;
	GError *error;
	char *target;
} Fixture;

static void on_opened(FcopyIntake *intake, const char *target, gpointer data)
{
	Fixture *f = data;

	f->opened++;
	f->target = g_strdup(target);
}

static void on_room(FcopyIntake *intake, gpointer data)
{
	((Fixture *)data)->rooms++;
}

static void on_broken(FcopyIntake *intake, const GError *error, gpointer data)
{
	Fixture *f = data;

	f->broken++;
	f->error = g_error_copy(error);
}

static void on_finished(FcopyIntake *intake, const FcopySum *sum, gpointer data)
{
	Fixture *f = data;

	f->finished++;
	g_assert_cmpstr(sum->sha256, ==, "0123");
}

static void on_dropped(FcopyIntake *intake, gpointer data)
{
	((Fixture *)data)->dropped++;
}

static const FcopyIntakeOps ops = { on_opened, on_room, on_broken, on_finished, on_dropped };

static void begin(Fixture *f)
{
	const FcopyWanted wanted = { .path = "/srv/", .name = "file", .size = QUEUE * 2 };
	g_autoptr(GError) error = NULL;

	f->intake = fcopy_intake_new(f->ground, &wanted, &ops, f, &error);
	g_assert_no_error(error);
}

static void setup(Fixture *f, gconstpointer data)
{
	files_reset();
	f->ground = fcopy_ground_new(-1, NULL);
	begin(f);
}

static void teardown(Fixture *f, gconstpointer data)
{
	files_reset(); /* whoever is held goes on */
	fcopy_intake_free(f->intake);
	fcopy_ground_unref(f->ground);
	g_clear_error(&f->error);
	g_free(f->target);
}

/* Until it is told once. */
static void await(const guint *count)
{
	while (*count == 0)
		g_main_context_iteration(NULL, TRUE);
}

/* Until the thread is where the test holds it. */
static void await_held(FileCall call)
{
	while (files_count(&files.waiting[call]) == 0)
		g_usleep(1000);
}

static gboolean put(Fixture *f, guint64 offset, gsize len)
{
	guint8 bytes[FRAGMENT];

	for (gsize i = 0; i < len; i++)
		bytes[i] = (guint8)((offset + i) % 251);
	return fcopy_intake_write(f->intake, offset, bytes, len);
}

/* From the beginning, until something waits: the bytes that were taken, with that. */
static guint64 fill(Fixture *f)
{
	guint64 offset = 0;

	while (put(f, offset, FRAGMENT)) {
		offset += FRAGMENT;
		g_assert_cmpuint(offset, <, QUEUE * 2);
	}
	return offset + FRAGMENT;
}

static void assert_content(guint64 size)
{
	g_assert_cmpuint(files.named, ==, 1);
	g_assert_cmpuint(files.last->len, ==, size);
	for (guint64 i = 0; i < size; i++)
		g_assert_cmpuint(files.last->data[i], ==, (guint8)(i % 251));
}

static void test_whole(Fixture *f, gconstpointer data)
{
	guint64 size = FCOPY_INTAKE_PIECE + 2 * FRAGMENT + 100;

	await(&f->opened);
	g_assert_cmpstr(f->target, ==, "/srv/file");
	for (guint64 offset = 0; offset < size; offset += FRAGMENT)
		while (!put(f, offset, MIN(FRAGMENT, size - offset)))
			g_assert_not_reached(); /* half a MiB always fits */
	fcopy_intake_finish(f->intake);
	await(&f->finished);
	assert_content(size);
	g_assert_cmpuint(files.freed, ==, 1);
	g_assert_cmpuint(fcopy_intake_queued(f->intake), ==, 0);
	g_assert_cmpuint(fcopy_intake_written(f->intake), ==, size);
	g_assert_cmpuint(f->rooms + f->broken + f->dropped, ==, 0);
}

static void test_pieces_are_large(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	for (guint64 offset = 0; offset < 2 * FCOPY_INTAKE_PIECE; offset += FRAGMENT)
		put(f, offset, FRAGMENT);
	fcopy_intake_finish(f->intake);
	await(&f->finished);
	g_assert_cmpuint(files.writes, ==, 2);
}

static void test_any_order(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	for (guint i = 10; i-- > 0;)
		while (!put(f, i * 1000, 1000))
			g_assert_not_reached();
	g_assert_true(put(f, 0, 0)); /* no bytes are no piece */
	fcopy_intake_finish(f->intake);
	await(&f->finished);
	assert_content(10000);
}

/* What is not sent is not made up: the file says what is missing. */
static void test_gap(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	put(f, 0, 1000);
	put(f, 5000, 1000);
	fcopy_intake_finish(f->intake);
	await(&f->finished);
	g_assert_cmpuint(files.last->len, ==, 6000);
	g_assert_cmpuint(fcopy_intake_written(f->intake), ==, 2000);
	g_assert_cmpuint(files.last->data[5001], ==, 5001 % 251);
}

static void test_full(Fixture *f, gconstpointer data)
{
	guint64 size;

	await(&f->opened);
	files_hold(FILE_WRITE, TRUE);
	size = fill(f);
	g_assert_cmpuint(size, >=, QUEUE);
	g_assert_cmpuint(size, <=, QUEUE + FRAGMENT);
	g_assert_cmpuint(fcopy_intake_queued(f->intake), ==, size);
	await_held(FILE_WRITE);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(f->rooms, ==, 0);
	files_hold(FILE_WRITE, FALSE);
	await(&f->rooms);
	g_assert_cmpuint(f->rooms, ==, 1);
	fcopy_intake_finish(f->intake);
	await(&f->finished);
	assert_content(size);
}

static void assert_broken(Fixture *f, HvisErrorCode code)
{
	await(&f->dropped);
	g_assert_cmpuint(f->broken, ==, 1);
	g_assert_true(hvis_error_is(f->error, code));
	g_assert_cmpuint(files_count(&files.named), ==, 0);
	g_assert_cmpuint(files_count(&files.freed), ==, files_count(&files.made));
	g_assert_cmpuint(f->finished, ==, 0);
}

static void test_no_place(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	fcopy_intake_free(f->intake);
	while (files_count(&files.freed) == 0)
		g_usleep(1000);
	files_fail(FILE_CREATE, HVIS_ERROR_EXISTS);
	f->opened = 0;
	begin(f);
	assert_broken(f, HVIS_ERROR_EXISTS);
	g_assert_cmpuint(f->opened, ==, 0);
}

static void test_write_fails(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	files_fail(FILE_WRITE, HVIS_ERROR_NO_SPACE);
	fill(f); /* whatever is in the queue is let go, too, and what waits is for nothing */
	assert_broken(f, HVIS_ERROR_NO_SPACE);
	g_assert_cmpuint(f->rooms, <=, 1);
}

static void test_finish_fails(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	files_fail(FILE_FINISH, HVIS_ERROR_INVALID);
	put(f, 0, 10);
	fcopy_intake_finish(f->intake);
	assert_broken(f, HVIS_ERROR_INVALID);
}

/* What fails is told before what there is of it is removed, which may take long. */
static void test_told_first(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	files_fail(FILE_FINISH, HVIS_ERROR_IO);
	files_hold(FILE_FREE, TRUE);
	fcopy_intake_finish(f->intake);
	await(&f->broken);
	g_assert_cmpuint(f->dropped, ==, 0);
	files_hold(FILE_FREE, FALSE);
	await(&f->dropped);
}

static void test_cancel(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	put(f, 0, FRAGMENT);
	fcopy_intake_cancel(f->intake);
	await(&f->dropped);
	g_assert_cmpuint(f->broken + f->finished, ==, 0);
	g_assert_cmpuint(files.named, ==, 0);
	g_assert_cmpuint(files.freed, ==, 1);
}

static void test_cancel_in_time(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	files_hold(FILE_FINISH, TRUE);
	fcopy_intake_finish(f->intake);
	await_held(FILE_FINISH);
	fcopy_intake_cancel(f->intake);
	files_hold(FILE_FINISH, FALSE);
	await(&f->dropped);
	g_assert_cmpuint(f->broken, ==, 0);
	g_assert_cmpuint(files.named, ==, 0);
}

static void test_cancel_too_late(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	files_hold(FILE_FINISH, TRUE);
	files.names_late = TRUE;
	fcopy_intake_finish(f->intake);
	await_held(FILE_FINISH);
	fcopy_intake_cancel(f->intake);
	files_hold(FILE_FINISH, FALSE);
	await(&f->finished);
	g_assert_cmpuint(f->dropped + f->broken, ==, 0);
}

static void test_cancel_while_full(Fixture *f, gconstpointer data)
{
	await(&f->opened);
	files_hold(FILE_WRITE, TRUE);
	fill(f);
	fcopy_intake_cancel(f->intake);
	files_hold(FILE_WRITE, FALSE);
	await(&f->dropped);
	g_assert_cmpuint(files.writes, ==, 1);
}

/* A file server is dead: nobody waits for it, and others have threads of their own. */
static void test_stuck(Fixture *f, gconstpointer data)
{
	FcopyIntake *stuck;
	Fixture other = { .ground = f->ground };

	await(&f->opened);
	files_hold(FILE_FINISH, TRUE);
	fcopy_intake_finish(f->intake);
	await_held(FILE_FINISH);
	stuck = g_steal_pointer(&f->intake);
	fcopy_intake_cancel(stuck);
	fcopy_intake_free(stuck);
	begin(&other);
	await(&other.opened);
	fcopy_intake_cancel(other.intake);
	await(&other.dropped);
	fcopy_intake_free(other.intake);
	g_free(other.target);
	files_hold(FILE_FINISH, FALSE);
	while (files_count(&files.freed) < 2)
		g_main_context_iteration(NULL, FALSE);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(f->finished + f->dropped + f->broken, ==, 0);
	g_assert_cmpuint(files.named, ==, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{ "/fcopyd/intake/whole", test_whole },
		{ "/fcopyd/intake/pieces-are-large", test_pieces_are_large },
		{ "/fcopyd/intake/any-order", test_any_order },
		{ "/fcopyd/intake/gap", test_gap },
		{ "/fcopyd/intake/full", test_full },
		{ "/fcopyd/intake/no-place", test_no_place },
		{ "/fcopyd/intake/write-fails", test_write_fails },
		{ "/fcopyd/intake/finish-fails", test_finish_fails },
		{ "/fcopyd/intake/told-first", test_told_first },
		{ "/fcopyd/intake/cancel", test_cancel },
		{ "/fcopyd/intake/cancel-in-time", test_cancel_in_time },
		{ "/fcopyd/intake/cancel-too-late", test_cancel_too_late },
		{ "/fcopyd/intake/cancel-while-full", test_cancel_while_full },
		{ "/fcopyd/intake/stuck", test_stuck },
	};

	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
