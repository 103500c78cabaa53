/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every cell of the table, as a line of text; and whole lives of it, at random, of which the host must
 * never learn anything wrong.
 */
#include "config.h"

#include <string.h>

#include "fcopyd/machine.h"

/* What a cell does: "orders answers -> state". */
typedef struct {
	GString *did;
} Record;

static void note(gpointer data, const char *what)
{
	g_string_append(((Record *)data)->did, what);
}

static void note_begin(gpointer data)
{
	note(data, " begin");
}

static void note_put(gpointer data)
{
	note(data, " put");
}

static void note_finish(gpointer data)
{
	note(data, " finish");
}

static void note_drop(gpointer data)
{
	note(data, " drop");
}

static const char *const replies[FCOPY_REPLY_N] = { "well", "failure", "no-transfer", "out-of-turn",
	"too-late" };

static void note_answer(guint64 txn, FcopyReply reply, gpointer data)
{
	g_string_append_printf(
		((Record *)data)->did, " %s=%s", txn == 1 ? "former" : "this", replies[reply]);
}

static const FcopyMachineOps noting = { note_begin, note_put, note_finish, note_drop, note_answer };

/* One line per state, of its events in their order; "former" is a request that waits. */
static const char *const wanted[FCOPY_STATE_N][FCOPY_EVENT_N] = {
	{ " begin -> starting", " this=no-transfer -> idle", " this=no-transfer -> idle",
		" this=well -> idle", " -> idle", " -> idle", " -> idle", " -> idle", " -> idle",
		" -> idle", " -> idle", " -> idle", " -> idle" },
	{ " begin -> starting", " drop this=out-of-turn -> failing",
		" drop this=out-of-turn -> failing", " drop -> cancelling", " drop -> failing",
		" drop -> cancelling", " drop former=failure -> cancelling",
		" drop former=failure -> failing", " former=well -> receiving", " -> starting",
		" former=failure -> failing", " -> starting", " former=failure -> failed" },
	{ " begin -> starting", " put -> writing", " finish -> finishing", " drop -> cancelling",
		" -> receiving", " drop -> cancelling", " drop -> cancelling", " drop -> failing",
		" -> receiving", " -> receiving", " -> failing", " -> receiving", " -> failed" },
	{ " begin -> starting", " drop this=out-of-turn -> failing",
		" drop this=out-of-turn -> failing", " drop -> cancelling", " drop -> failing",
		" drop -> cancelling", " drop former=failure -> cancelling",
		" drop former=failure -> failing", " -> writing", " former=well -> receiving",
		" former=failure -> failing", " -> writing", " former=failure -> failed" },
	{ " begin -> starting", " drop this=out-of-turn -> failing",
		" drop this=out-of-turn -> failing", " drop -> cancelling", " drop -> failing",
		" drop -> cancelling", " drop former=failure -> cancelling",
		" drop former=failure -> failing", " -> finishing", " -> finishing",
		" former=failure -> failing", " former=well -> idle", " former=failure -> failed" },
	{ " begin -> starting", " this=failure -> failing", " this=failure -> failing",
		" -> cancelling", " -> failing", " -> cancelling", " -> cancelling", " -> failing",
		" -> failing", " -> failing", " -> failing", " -> failed", " -> failed" },
	{ " begin -> starting", " this=failure -> failed", " this=failure -> failed",
		" this=well -> idle", " -> failed", " -> idle", " -> idle", " -> failed",
		" -> failed", " -> failed", " -> failed", " -> failed", " -> failed" },
	{ " begin -> starting", " this=no-transfer -> cancelling",
		" this=no-transfer -> cancelling", " -> cancelling", " -> cancelling",
		" -> cancelling", " -> cancelling", " -> cancelling", " -> cancelling",
		" -> cancelling", " -> cancelling", " former=too-late -> idle",
		" former=well -> idle" },
};

static gboolean can_wait(FcopyState state)
{
	return state == FCOPY_STATE_STARTING || state == FCOPY_STATE_WRITING ||
	       state == FCOPY_STATE_FINISHING || state == FCOPY_STATE_CANCELLING;
}

static void test_every_cell(void)
{
	for (FcopyState state = 0; state < FCOPY_STATE_N; state++) {
		for (FcopyEvent event = 0; event < FCOPY_EVENT_N; event++) {
			g_autoptr(GString) did = g_string_new(NULL);
			Record record = { did };
			FcopyMachine machine = { &noting, &record, state, can_wait(state) ? 1 : 0 };

			fcopy_machine_post(&machine, event, event <= FCOPY_EVENT_CANCEL ? 2 : 0);
			g_string_append_printf(did, " -> %s", fcopy_state_name(machine.state));
			if (strcmp(did->str, wanted[state][event]) != 0)
				g_error("%s while %s: \"%s\", not \"%s\"", fcopy_event_name(event),
					fcopy_state_name(state), did->str, wanted[state][event]);
			if (!can_wait(machine.state))
				g_assert_cmpuint(machine.waiting, ==, 0);
		}
	}
}

/* The world around a machine: an intake as it can behave, and a kernel with one request at a time. */
typedef struct {
	FcopyMachine machine;
	GRand *rand;
	gboolean intake, opened, putting, finishing, dropping, broken;
	gboolean named; /* the file of the last intake is there */
	guint64 asked; /* the request that is not answered yet */
	FcopyEvent what;
	guint64 last;
	guint answers_well[FCOPY_EVENT_N];
} World;

static void world_begin(gpointer data)
{
	World *world = data;

	world->intake = TRUE;
	world->opened = world->putting = world->finishing = world->dropping = world->broken =
		world->named = FALSE;
}

static void world_put(gpointer data)
{
	World *world = data;

	g_assert_true(world->intake && world->opened && !world->putting && !world->finishing);
	world->putting = TRUE;
	if (g_rand_boolean(world->rand)) {
		world->putting = FALSE;
		fcopy_machine_post(&world->machine, FCOPY_EVENT_ROOM, 0);
	}
}

static void world_finish(gpointer data)
{
	World *world = data;

	g_assert_true(world->intake && world->opened && !world->putting && !world->finishing);
	world->finishing = TRUE;
}

static void world_drop(gpointer data)
{
	World *world = data;

	g_assert_true(world->intake && !world->dropping);
	world->dropping = TRUE;
}

static void world_answer(guint64 txn, FcopyReply reply, gpointer data)
{
	World *world = data;

	g_assert_cmpuint(txn, ==, world->asked); /* never twice, never one that is over */
	world->asked = 0;
	g_assert_true(reply != FCOPY_REPLY_TOO_LATE ||
		      (world->what == FCOPY_EVENT_CANCEL && world->named));
	if (reply != FCOPY_REPLY_WELL)
		return;
	world->answers_well[world->what]++;
	if (world->what == FCOPY_EVENT_START)
		g_assert_true(world->opened && !world->broken);
	else if (world->what == FCOPY_EVENT_WRITE)
		g_assert_true(world->opened && !world->putting && !world->broken);
	else if (world->what == FCOPY_EVENT_COMPLETE)
		g_assert_true(world->named && !world->intake);
	else
		g_assert_false(world->intake); /* CANCEL: nothing is left */
}

static const FcopyMachineOps living = { world_begin, world_put, world_finish, world_drop,
	world_answer };

static void ask(World *world)
{
	world->what = (FcopyEvent)g_rand_int_range(world->rand, 0, FCOPY_EVENT_CANCEL + 1);
	world->asked = ++world->last;
	fcopy_machine_post(&world->machine, world->what, world->asked);
}

static void intake_ends(World *world)
{
	world->intake = FALSE;
	world->named = world->finishing && !world->broken &&
		       (!world->dropping || g_rand_boolean(world->rand));
	fcopy_machine_post(
		&world->machine, world->named ? FCOPY_EVENT_FINISHED : FCOPY_EVENT_DROPPED, 0);
}

/* What an intake may do next, in this order of its life. */
static void intake_moves(World *world)
{
	if (!world->intake)
		return;
	if (world->broken || world->dropping) {
		intake_ends(world);
	} else if (g_rand_int_range(world->rand, 0, 10) == 0) {
		world->broken = TRUE;
		fcopy_machine_post(&world->machine, FCOPY_EVENT_BROKEN, 0);
	} else if (!world->opened) {
		world->opened = TRUE;
		fcopy_machine_post(&world->machine, FCOPY_EVENT_OPENED, 0);
	} else if (world->putting) {
		world->putting = FALSE;
		fcopy_machine_post(&world->machine, FCOPY_EVENT_ROOM, 0);
	} else if (world->finishing) {
		intake_ends(world);
	}
}

static void something_happens(World *world)
{
	switch (g_rand_int_range(world->rand, 0, 24)) {
	case 0:
		world->asked = 0;
		fcopy_machine_post(&world->machine, FCOPY_EVENT_LOST, 0);
		break;
	case 1:
		if (world->asked != 0)
			fcopy_machine_post(&world->machine, FCOPY_EVENT_OVERDUE, 0);
		world->asked = 0;
		break;
	case 2: /* the kernel gives up, and asks for something else */
		ask(world);
		break;
	case 3:
		fcopy_machine_post(&world->machine, FCOPY_EVENT_HAND, 0);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
		if (world->asked == 0)
			ask(world);
		break;
	default:
		intake_moves(world);
	}
	g_assert_true(world->intake == fcopy_machine_is_busy(&world->machine));
	g_assert_true(world->machine.waiting == 0 || world->machine.waiting == world->asked);
}

static void test_lives(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(20);
	guint well[FCOPY_EVENT_N] = { 0 };

	for (int life = 0; life < 2000; life++) {
		World world = { .machine = { &living, NULL, FCOPY_STATE_IDLE, 0 }, .rand = rand };

		world.machine.data = &world;
		for (int step = 0; step < 300; step++)
			something_happens(&world);
		/* The end: what there is comes to its own, and nobody is left without an answer. */
		fcopy_machine_post(&world.machine, FCOPY_EVENT_STOP, 0);
		for (int step = 0; step < 10 && world.intake; step++)
			intake_moves(&world);
		g_assert_cmpstr(fcopy_state_name(world.machine.state), ==, "idle");
		g_assert_cmpuint(world.asked, ==, 0);
		for (FcopyEvent event = 0; event < FCOPY_EVENT_N; event++)
			well[event] += world.answers_well[event];
	}
	/* It was a life: each was answered well at times. */
	for (FcopyEvent event = 0; event <= FCOPY_EVENT_CANCEL; event++)
		g_assert_cmpuint(well[event], >, 1000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/machine/every-cell", test_every_cell);
	g_test_add_func("/fcopyd/machine/lives", test_lives);
	return g_test_run();
}
