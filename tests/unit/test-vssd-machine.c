/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every cell of the table, as a line of text; and whole lives of it, at random, of which the host must
 * never learn anything wrong.
 */
#include "config.h"

#include <string.h>

#include "vssd/machine.h"

/* What a cell does: "state event: answers orders -> state". */
typedef struct {
	GString *did;
} Record;

static void note_start(gpointer data)
{
	g_string_append(((Record *)data)->did, " start");
}

static void note_thaw(gpointer data)
{
	g_string_append(((Record *)data)->did, " thaw");
}

static void note_check(gpointer data)
{
	g_string_append(((Record *)data)->did, " check");
}

static void note_answer(guint64 txn, gboolean well, gpointer data)
{
	g_string_append_printf(((Record *)data)->did, " %s=%s", txn == 1 ? "former" : "this",
		well ? "well" : "badly");
}

static const VssMachineOps noting = { note_start, note_thaw, note_check, note_answer };

/* One line per state, of its events in their order; "former" is a request that waits. */
static const char *const wanted[VSS_STATE_N][VSS_EVENT_N] = {
	{ " start -> freezing", " this=badly -> idle", " check -> checking", " -> idle", " -> idle",
		" -> idle", " -> idle", " -> idle", " -> idle", " -> idle", " start -> rehearsing",
		" -> idle", " -> idle", " -> idle" },
	{ " thaw -> refreezing", " thaw -> cancelling", " thaw -> rechecking",
		" thaw -> cancelling", " former=badly thaw -> cancelling",
		" former=badly thaw -> cancelling", " former=well -> frozen",
		" former=badly -> cancelling", " former=badly -> idle", " former=badly -> idle",
		" -> freezing", " former=badly thaw -> cancelling", " -> freezing",
		" -> freezing" },
	{ " thaw -> refreezing", " thaw -> thawing", " thaw -> rechecking", " thaw -> cancelling",
		" thaw -> undoing", " thaw -> undoing", " -> frozen", " -> undoing", " -> failed",
		" -> failed", " -> frozen", " thaw -> undoing", " -> frozen", " -> frozen" },
	{ " -> refreezing", " -> thawing", " -> rechecking", " -> cancelling", " -> thawing",
		" -> thawing", " -> thawing", " former=badly -> cancelling", " former=well -> idle",
		" former=badly -> idle", " -> thawing", " -> thawing", " -> thawing",
		" -> thawing" },
	{ " -> refreezing", " -> cancelling", " -> rechecking", " -> cancelling", " -> undoing",
		" -> undoing", " -> undoing", " -> undoing", " -> failed", " -> failed",
		" -> undoing", " -> undoing", " -> undoing", " -> undoing" },
	{ " -> refreezing", " -> cancelling", " -> rechecking", " -> cancelling", " -> cancelling",
		" -> cancelling", " -> cancelling", " -> cancelling", " former=badly -> idle",
		" former=badly -> idle", " -> cancelling", " -> cancelling", " -> cancelling",
		" -> cancelling" },
	{ " start -> freezing", " this=badly -> idle", " check -> checking", " -> idle",
		" -> failed", " -> failed", " -> failed", " -> failed", " -> failed", " -> failed",
		" start -> rehearsing", " -> failed", " -> failed", " -> failed" },
	{ " this=badly -> rehearsing", " this=badly -> rehearsing", " this=badly -> rehearsing",
		" -> rehearsing", " thaw -> rehearsing", " thaw -> rehearsing", " -> rehearsing",
		" -> rehearsing", " -> idle", " -> idle", " -> rehearsing", " thaw -> rehearsing",
		" -> rehearsing", " -> rehearsing" },
	{ " start -> freezing", " this=badly -> idle", " check -> checking", " -> idle",
		" former=badly -> idle", " -> checking", " -> checking", " -> checking",
		" -> checking", " -> checking", " -> checking", " -> checking",
		" former=well -> idle", " former=badly -> idle" },
	{ " -> refreezing", " -> cancelling", " -> rechecking", " -> cancelling",
		" former=badly -> cancelling", " -> rechecking", " -> rechecking", " -> rechecking",
		" check -> checking", " check -> checking", " -> rechecking", " -> rechecking",
		" -> rechecking", " -> rechecking" },
	{ " -> refreezing", " -> cancelling", " -> rechecking", " -> cancelling",
		" former=badly -> cancelling", " -> refreezing", " -> refreezing", " -> refreezing",
		" start -> freezing", " start -> freezing", " -> refreezing", " -> refreezing",
		" -> refreezing", " -> refreezing" },
};

static gboolean can_wait(VssState state)
{
	return state == VSS_STATE_FREEZING || state == VSS_STATE_THAWING ||
	       state == VSS_STATE_CANCELLING || state == VSS_STATE_CHECKING ||
	       state == VSS_STATE_RECHECKING || state == VSS_STATE_REFREEZING;
}

static void test_every_cell(void)
{
	for (VssState state = 0; state < VSS_STATE_N; state++) {
		for (VssEvent event = 0; event < VSS_EVENT_N; event++) {
			g_autoptr(GString) did = g_string_new(NULL);
			Record record = { did };
			VssMachine machine = { &noting, &record, state, can_wait(state) ? 1 : 0 };

			vss_machine_post(&machine, event, event <= VSS_EVENT_HOT_BACKUP ? 2 : 0);
			g_string_append_printf(did, " -> %s", vss_state_name(machine.state));
			if (strcmp(did->str, wanted[state][event]) != 0)
				g_error("%s while %s: \"%s\", not \"%s\"", vss_event_name(event),
					vss_state_name(state), did->str, wanted[state][event]);
		}
	}
}

/* The world around a machine: a session as it can behave, and a kernel with one request at a time. */
typedef struct {
	VssMachine machine;
	gboolean session, told_to_thaw, frozen, died;
	gboolean checking; /* its end is to come, whoever still wants it */
	gboolean broken; /* since FREEZE was answered, it has not been frozen all the time */
	gboolean believes; /* the host: FREEZE was answered well, and no THAW since */
	guint64 asked; /* the request that is not answered yet */
	VssEvent what;
	guint64 last;
	guint answers_well[VSS_EVENT_N];
} World;

static void world_start(gpointer data)
{
	World *world = data;

	g_assert_false(world->session);
	world->checking = FALSE;
	world->session = TRUE;
	world->told_to_thaw = world->frozen = world->died = FALSE;
}

static void world_thaw(gpointer data)
{
	World *world = data;

	g_assert_true(world->session);
	world->told_to_thaw = TRUE;
	if (world->what != VSS_EVENT_THAW || world->asked == 0)
		world->broken = TRUE;
}

static void world_check(gpointer data)
{
	((World *)data)->checking = TRUE; /* the former one is dropped */
}

static void world_answer(guint64 txn, gboolean well, gpointer data)
{
	World *world = data;

	g_assert_cmpuint(txn, ==, world->asked); /* never twice, never one that is over */
	world->asked = 0;
	if (!well)
		return;
	world->answers_well[world->what]++;
	if (world->what == VSS_EVENT_FREEZE) {
		g_assert_true(world->frozen);
		world->believes = TRUE;
		world->broken = FALSE;
	} else if (world->what == VSS_EVENT_THAW) {
		g_assert_true(world->believes);
		g_assert_false(world->broken);
	}
}

static const VssMachineOps living = { world_start, world_thaw, world_check, world_answer };

static void ask(World *world, VssEvent what)
{
	if (what != VSS_EVENT_THAW)
		world->believes = FALSE; /* it has given up what there was */
	world->what = what;
	world->asked = ++world->last;
	vss_machine_post(&world->machine, what, world->asked);
	if (what == VSS_EVENT_THAW && world->asked == 0)
		world->believes = FALSE;
}

/* What a session may do next, in this order of its life. */
static void session_moves(World *world, GRand *rand)
{
	gboolean well = world->frozen && world->told_to_thaw && !world->died;

	if (!world->session)
		return;
	if (!world->frozen && !world->told_to_thaw && !world->died && g_rand_boolean(rand)) {
		world->frozen = TRUE;
		vss_machine_post(&world->machine, VSS_EVENT_ALL_FROZEN, 0);
	} else if (!world->died && g_rand_int_range(rand, 0, 4) == 0) {
		world->died = world->broken = TRUE;
		vss_machine_post(&world->machine, VSS_EVENT_DIED, 0);
	} else if (g_rand_boolean(rand)) {
		world->session = FALSE;
		if (!well)
			world->broken = TRUE;
		vss_machine_post(
			&world->machine, well ? VSS_EVENT_ENDED_WELL : VSS_EVENT_ENDED_BADLY, 0);
	}
}

static void check_moves(World *world, GRand *rand)
{
	if (!world->checking)
		return;
	world->checking = FALSE;
	vss_machine_post(&world->machine,
		g_rand_boolean(rand) ? VSS_EVENT_CHECKED_WELL : VSS_EVENT_CHECKED_BADLY, 0);
}

static void something_happens(World *world, GRand *rand)
{
	switch (g_rand_int_range(rand, 0, 18)) {
	case 0:
		world->asked = 0;
		world->believes = FALSE;
		vss_machine_post(&world->machine, VSS_EVENT_LOST, 0);
		break;
	case 1:
		vss_machine_post(&world->machine, VSS_EVENT_DEADLINE, 0);
		break;
	case 2: /* the kernel gives up, and asks for something else */
		ask(world, (VssEvent)g_rand_int_range(rand, 0, VSS_EVENT_HOT_BACKUP + 1));
		break;
	case 3:
		vss_machine_post(&world->machine, VSS_EVENT_REHEARSE, 0);
		break;
	case 4:
		vss_machine_post(&world->machine, VSS_EVENT_HAND, 0);
		break;
	case 5:
	case 6:
	case 7:
		if (world->asked == 0)
			ask(world, (VssEvent)g_rand_int_range(rand, 0, VSS_EVENT_HOT_BACKUP + 1));
		break;
	case 8:
	case 9:
		check_moves(world, rand);
		break;
	default:
		session_moves(world, rand);
	}
	g_assert_true(world->session == !vss_machine_is_at_rest(&world->machine));
}

static void test_lives(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(20);
	guint well[VSS_EVENT_N] = { 0 };

	for (int life = 0; life < 2000; life++) {
		World world = { .machine = { &living, NULL, VSS_STATE_IDLE, 0 } };

		world.machine.data = &world;
		for (int step = 0; step < 300; step++)
			something_happens(&world, rand);
		/* The end: what runs comes to rest, and nobody is left without an answer. */
		vss_machine_post(&world.machine, VSS_EVENT_STOP, 0);
		for (int step = 0; step < 200 && world.session; step++) {
			world.told_to_thaw = TRUE;
			session_moves(&world, rand);
		}
		g_assert_true(vss_machine_is_at_rest(&world.machine));
		g_assert_cmpuint(world.asked, ==, 0);
		for (VssEvent event = 0; event < VSS_EVENT_N; event++)
			well[event] += world.answers_well[event];
	}
	/* It was a life: each was answered well at times. */
	g_assert_cmpuint(well[VSS_EVENT_FREEZE], >, 1000);
	g_assert_cmpuint(well[VSS_EVENT_THAW], >, 300);
	g_assert_cmpuint(well[VSS_EVENT_HOT_BACKUP], >, 1000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/machine/every-cell", test_every_cell);
	g_test_add_func("/vssd/machine/lives", test_lives);
	return g_test_run();
}
