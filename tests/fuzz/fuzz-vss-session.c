/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_vss_daemon between a host that sends anything at any time and sessions that do what sessions can do: the
 * coordinator and all below it are real, but for the device, the engine, the control socket, the clock and who
 * tells the host afterwards, which are played here, in the place of those of the libraries.
 *
 * Input: steps, a byte each, some with more bytes behind it. Whatever comes, each request is answered once, or
 * replaced by the next one; FREEZE with success only while all is frozen, THAW only where it has been since
 * then; what is not to be frozen any more has been told so; and in the end nothing is frozen.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <hvis/hresult.h>
#include <service/service.h>
#include <util/error.h>
#include <wire/vss.h>

#include "tests/unit/vssd-tree.h"
#include "vssd/record.h"
#include "vssd/session.h"
#include "vssd/socket.h"
#include "vssd/vssd.h"

#define STEPS_MAX 200

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void check(gboolean good)
{
	if (!good)
		abort();
}

/* --- the world --- */

struct VssSession {
	const VssSessionOps *ops;
	gpointer data;
	guint number;
	gboolean frozen, told, died;
	VssOutcome outcome;
};

static struct {
	const HvisServiceOps *ops; /* of the device */
	gpointer vssd;
	gboolean ready;
	guint64 txn; /* the last request */
	guint64 outstanding; /* the one without an answer; 0: there is none */
	guint64 lost; /* had none when one came that is not the daemon's to answer later */
	guint8 asked; /* what it is */
	gboolean believes; /* the host: FREEZE was answered well, and no THAW since */
	gboolean broken; /* since then it was not frozen all the time, or is overdue */
	VssSession *session;
	guint sessions; /* that there have been */
	const VssSocketOps *calls;
	gpointer calls_data;
	guint timer; /* its id; 0: none */
	void (*on_timer)(gpointer data);
	gpointer timer_data;
} world;

/* --- the look at the machine, which is always the same one, and made once --- */

static Tree tree;
static VssSurvey survey_of_tree;

VssSurvey *vss_survey_new(HvisConfig *config, const char *root, GError **error)
{
	return &survey_of_tree;
}

void vss_survey_free(VssSurvey *survey)
{
}

GArray *vss_survey_order(const VssSurvey *survey)
{
	GArray *order = g_array_new(FALSE, FALSE, sizeof(guint));

	for (guint i = 0; i < survey->plan->entries->len; i++)
		g_array_append_val(order, i);
	return order;
}

GPtrArray *vss_survey_mounts(const VssSurvey *survey)
{
	GPtrArray *mounts = g_ptr_array_new();

	for (guint i = 0; i < survey->mounts->supers->len; i++)
		g_ptr_array_add(
			mounts, vss_super_mount(vss_mounts_super(survey->mounts, i))->target);
	return mounts;
}

char *vss_survey_partial(const VssSurvey *survey)
{
	return NULL;
}

/* --- the device --- */

HvisService *hvis_service_new(
	const HvisServiceOps *ops, const char *path, HvisClock *clock, gpointer data)
{
	world.ops = ops;
	world.vssd = data;
	return (HvisService *)&world;
}

void hvis_service_free(HvisService *service)
{
}

void hvis_service_start(HvisService *service)
{
}

gboolean hvis_service_extend(HvisService *service, guint64 txn, guint ms)
{
	check(txn == world.outstanding);
	return TRUE;
}

static void on_well(guint8 op)
{
	if (op == HVIS_VSS_OP_FREEZE) {
		check(world.session && world.session->frozen && !world.session->told);
		world.believes = TRUE;
		world.broken = FALSE;
	} else if (op == HVIS_VSS_OP_THAW) {
		check(world.believes && !world.broken);
	} else {
		check(op == HVIS_VSS_OP_HOT_BACKUP && !world.session);
	}
}

gboolean hvis_service_reply(HvisService *service, guint64 txn, const void *msg, gsize len)
{
	guint32 status;

	if (txn != 0 && txn == world.lost) {
		world.lost = 0;
		return FALSE;
	}
	check(txn != 0 && txn == world.outstanding); /* never twice, never one that is over */
	check(vss_answer_decode(msg, len, &status, NULL));
	world.outstanding = 0;
	if (status == HVIS_S_OK)
		on_well(world.asked);
	if (world.asked == HVIS_VSS_OP_THAW)
		world.believes = FALSE;
	return TRUE;
}

HvisServiceState hvis_service_shown(HvisService *service, const char **reason)
{
	*reason = NULL;
	return world.ready ? HVIS_SERVICE_READY : HVIS_SERVICE_ABSENT;
}

gint64 hvis_service_since(HvisService *service)
{
	return 0;
}

const char *hvis_service_path(HvisService *service)
{
	return "";
}

HvisServiceState hvis_service_state(HvisService *service)
{
	return world.ready ? HVIS_SERVICE_READY : HVIS_SERVICE_ABSENT;
}

const char *hvis_service_reason(HvisService *service)
{
	return NULL;
}

const HvisServiceCounters *hvis_service_counters(HvisService *service)
{
	static const HvisServiceCounters none;

	return &none;
}

/* --- the engine --- */

char *vss_session_program(const VssSessionOptions *options, const char *name)
{
	abort(); /* nothing is left over here */
}

gboolean vss_session_check(const VssSessionOptions *options, GError **error)
{
	return TRUE;
}

VssSession *vss_session_new(const VssSessionOptions *options, VssSurvey *survey,
	const VssSessionOps *ops, gpointer data)
{
	VssSession *session = g_new0(VssSession, 1);

	check(!world.session);
	session->number = ++world.sessions;
	session->ops = ops;
	session->data = data;
	session->outcome.events = g_array_new(FALSE, FALSE, sizeof(struct vss_msg));
	session->outcome.targets = vss_survey_mounts(survey);
	world.session = session;
	return session;
}

void vss_session_thaw(VssSession *session)
{
	check(session == world.session);
	session->told = TRUE;
	if (world.outstanding == 0 || world.asked != HVIS_VSS_OP_THAW)
		world.broken = TRUE;
}

void vss_session_free(VssSession *session)
{
	if (!session)
		return;
	check(session == world.session);
	world.session = NULL;
	g_array_unref(session->outcome.events);
	g_ptr_array_unref(session->outcome.targets);
	g_free(session);
}

/* --- the rest of the world --- */

VssSocket *vss_socket_new(const VssSocketOps *ops, gpointer data)
{
	world.calls = ops;
	world.calls_data = data;
	return NULL;
}

void vss_socket_free(VssSocket *socket)
{
}

VarlinkServer *vss_socket_server(VssSocket *socket)
{
	return NULL;
}

void vss_socket_ended(VssSocket *socket, struct json_object *entry)
{
}

void vss_socket_rehearsed(VssSocket *socket, struct json_object *entry)
{
}

void vss_socket_undone(VssSocket *socket, const char *problem)
{
}

VssRecord *vss_record_new(const char *root, HvisClock *clock, const VssMachine *machine,
	void (*failed)(const char *text, gpointer data), gpointer data)
{
	return NULL;
}

void vss_record_on_end(VssRecord *record, void (*ended)(gpointer data), gpointer data)
{
}

void vss_record_free(VssRecord *record)
{
}

/* The host gets all of it, whatever became of the backup. */
void vss_record_put(VssRecord *record, const char *value)
{
	struct json_object *json = json_tokener_parse(value);

	check(json != NULL && strlen(value) < 2048);
	json_object_put(json);
}

static gint64 clock_now(HvisClock *clock)
{
	return 0;
}

static guint clock_add(HvisClock *clock, guint ms, void (*func)(gpointer data), gpointer data)
{
	static guint last;

	check(world.timer == 0); /* there is one deadline at a time */
	world.on_timer = func;
	world.timer_data = data;
	return world.timer = ++last ? last : ++last;
}

static void clock_remove(HvisClock *clock, guint id)
{
	if (id != 0 && id == world.timer)
		world.timer = 0;
}

HvisClock *hvis_clock_default(void)
{
	static HvisClock clock = { clock_now, clock_add, clock_remove };

	return &clock;
}

/* It would lock the memory of the sanitizer, too. */
int mlockall(int flags)
{
	return 0;
}

/* --- what happens --- */

static void set_ready(gboolean ready)
{
	if (!ready) {
		world.outstanding = world.lost = 0;
		world.believes = FALSE;
	}
	world.ready = ready;
	world.ops->on_state((HvisService *)&world, ready ? HVIS_SERVICE_READY : HVIS_SERVICE_ABSENT,
		ready ? NULL : "gone", world.vssd);
}

static gboolean is_for_machine(guint8 op)
{
	return op == HVIS_VSS_OP_FREEZE || op == HVIS_VSS_OP_THAW || op == HVIS_VSS_OP_HOT_BACKUP;
}

/* What is no request is answered by the service. */
static void ask(const guint8 *bytes, gsize len)
{
	g_autoptr(GError) error = NULL;
	guint8 op = 0;
	gboolean good = vss_request_decode(bytes, len, &op, NULL);

	if (!world.ready)
		return;
	if (world.outstanding != 0)
		world.lost = world.outstanding;
	if (good && is_for_machine(op))
		world.lost = 0; /* this one is waited for in its place */
	world.outstanding = ++world.txn;
	world.asked = op;
	if (good && (op == HVIS_VSS_OP_FREEZE || op == HVIS_VSS_OP_HOT_BACKUP))
		world.believes = FALSE; /* it has given up what there was */
	check(world.ops->on_request(
		      (HvisService *)&world, world.txn, bytes, len, world.vssd, &error) == good);
	check(good == !error);
	if (good)
		return;
	check(world.outstanding == world.txn);
	world.outstanding = 0;
}

static void ask_for(guint8 op)
{
	struct hvis_vss_dev_msg msg;

	vss_request_encode(op, &msg);
	ask((const guint8 *)&msg, sizeof(msg));
}

static void session_freezes(void)
{
	VssSession *session = world.session;

	if (!session || session->frozen || session->told || session->died)
		return;
	session->frozen = TRUE;
	session->outcome.n_frozen = session->outcome.targets->len;
	session->ops->frozen(session->data);
}

static void session_dies(void)
{
	VssSession *session = world.session;

	if (!session || session->died)
		return;
	session->died = world.broken = TRUE;
	session->outcome.err = EOWNERDEAD;
	session->outcome.action = VSS_FREEZE;
	session->ops->died(session->data);
}

static void add_event(VssSession *session, enum vss_action action, int err)
{
	struct vss_msg event = {
		.type = VSS_MSG_EVENT, .action = action, .err = err, .at_us = 1000, .took_us = 1
	};

	for (event.index = 0; event.index < session->outcome.targets->len; event.index++)
		g_array_append_vals(session->outcome.events, &event, 1);
}

static void session_ends(guint8 err)
{
	VssSession *session = world.session;
	guint number = session ? session->number : 0;

	if (!session)
		return;
	if (session->outcome.err == 0 && !(session->frozen && session->told))
		session->outcome.err = err % 134 ? err % 134 : ECANCELED;
	else if (session->outcome.err == 0 && err % 4 == 0)
		session->outcome.err = err; /* 0, too: the thaw was well */
	session->outcome.action = session->frozen ? VSS_THAW : VSS_FREEZE;
	if (session->outcome.err != 0)
		world.broken = TRUE;
	add_event(session, VSS_FREEZE, session->frozen ? 0 : session->outcome.err);
	if (session->frozen)
		add_event(session, VSS_THAW, session->outcome.err);
	session->ops->ended(&session->outcome, session->data);
	check(!world.session || world.session->number != number);
}

static void time_passes(void)
{
	if (world.timer == 0)
		return;
	world.timer = 0;
	if (world.session && world.session->frozen && !world.session->told)
		world.broken = TRUE;
	world.on_timer(world.timer_data);
}

/* What the daemon says of itself, which is also what it goes by. */
static void look(void)
{
	struct json_object *status = world.calls->status(world.calls_data);
	const char *state = json_object_get_string(json_object_object_get(status, "backup"));
	gboolean meant = g_str_equal(state, "frozen") || g_str_equal(state, "rehearsing");

	if (world.session && world.session->frozen && !world.session->told && !world.session->died)
		check(meant && world.timer != 0);
	check(!g_str_equal(state, "frozen") || world.session);
	json_object_put(status);
}

/* One step, with the bytes that are left: how many more of them it has used. */
static gsize step(guint8 what, const guint8 *more, gsize left)
{
	gsize len = left > 0 ? MIN((gsize)(more[0] % 24), left - 1) : 0;

	switch (what % 16) {
	case 0:
		ask(more + (left > 0), len);
		return left > 0 ? 1 + len : 0;
	case 1:
	case 2:
		ask_for(HVIS_VSS_OP_FREEZE);
		return 0;
	case 3:
	case 4:
		ask_for(HVIS_VSS_OP_THAW);
		return 0;
	case 5:
		ask_for(HVIS_VSS_OP_HOT_BACKUP);
		return 0;
	case 6:
	case 7:
		session_freezes();
		return 0;
	case 8:
		session_dies();
		return 0;
	case 9:
	case 10:
		session_ends(left > 0 ? more[0] : 0);
		return left > 0;
	case 11:
		time_passes();
		return 0;
	case 12:
		set_ready(!world.ready);
		return 0;
	case 13:
		world.calls->thaw(world.calls_data, NULL);
		return 0;
	case 14:
		world.calls->rehearse(left > 0 ? more[0] : 1, world.calls_data, NULL);
		return left > 0;
	default:
		while (g_main_context_iteration(NULL, FALSE))
			;
		return 0;
	}
}

/* --- the machine --- */

static VssdOptions options;

static void remove_machine(void)
{
	tree_deinit(&tree);
}

static GLogWriterOutput drop(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	return G_LOG_WRITER_HANDLED;
}

static void make_machine(void)
{
	g_log_set_writer_func(drop, NULL, NULL);
	tree_init(&tree);
	atexit(remove_machine);
	tree_process(&tree, 1, 1,
		"1 0 7:0 / / rw - ext4 /dev/a rw\n2 1 7:1 / /srv rw - xfs /dev/b rw\n");
	tree_device(&tree, "7:0", "a");
	tree_device(&tree, "7:1", "b");
	tree_link(&tree, "proc/self", "1");
	tree_plan(&tree, "");
	survey_of_tree = (VssSurvey){ tree.mounts, tree.policy, tree.plan };
	options = (VssdOptions){ .device = (char *)"/not/there",
		.root = tree.root,
		.programs = (char *)"/not/there",
		.prefix = (char *)"",
		.marker = (char *)"/not/there/marker",
		.socket = (char *)"/not/there/socket" };
}

static Vssd *begin(void)
{
	g_autoptr(GError) error = NULL;
	Vssd *vssd;

	memset(&world, 0, sizeof(world));
	vssd = vssd_new(&options, &error);
	check(vssd != NULL);
	set_ready(TRUE);
	return vssd;
}

/* The device goes: what there is comes to its end, and nobody is left without an answer. */
static void end(void)
{
	set_ready(FALSE);
	if (world.session && !world.session->told)
		time_passes(); /* a rehearsal */
	check(!world.session || world.session->told || world.session->died);
	for (int i = 0; i < 3 && world.session; i++)
		session_ends(0);
	check(!world.session && world.timer == 0 && world.outstanding == 0);
	look();
}

/* That it can come to a backup at all. */
static void try_once(void)
{
	Vssd *vssd = begin();

	ask_for(HVIS_VSS_OP_FREEZE);
	session_freezes();
	check(world.believes);
	ask_for(HVIS_VSS_OP_THAW);
	session_ends(0);
	check(world.outstanding == 0 && !world.broken);
	end();
	vssd_free(vssd);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	Vssd *vssd;

	if (!tree.root) {
		make_machine();
		try_once();
	}
	vssd = begin();
	for (int i = 0; i < STEPS_MAX && size > 0; i++) {
		gsize used = 1 + step(data[0], data + 1, size - 1);

		data += used;
		size -= used;
		look();
	}
	end();
	vssd_free(vssd);
	return 0;
}
