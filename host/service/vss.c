/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backup as a table of states; vss_post() alone writes the state. Each step but the hold is a
 * transaction or two. A host does not leave a guest frozen if it can help it: whatever ends a backup
 * after FREEZE was sent sends THAW, and a guest that has not answered FREEZE in time finds it after
 * its own work. What the guest cannot be told any more, because the service has gone, is its own
 * business.
 */
#include "host/service/vss.h"
#include <hvis/hresult.h>
#include <hvis/services.h>
#include <util/error.h>
#include <wire/vss.h>
#include "host/service/class.h"

typedef enum {
	ST_IDLE,
	ST_CHECKING, /* HOT_BACKUP */
	ST_LISTING, /* GET_DM_INFO */
	ST_FREEZING,
	ST_FROZEN,
	ST_THAWING,
	ST_N,
} VssState;

static const char *const state_name[ST_N] = {
	"idle",
	"checking",
	"checking",
	"freezing",
	"frozen",
	"thawing",
};

typedef enum {
	EV_START,
	EV_ANSWERED,
	EV_FAILED, /* the answer is a failure, or there is none: see the report */
	EV_STOP, /* that was as far as it goes */
	EV_HELD, /* long enough */
	EV_CLOSED, /* the service, while nothing was due */
	EV_N,
} VssEvent;

typedef struct {
	VssState state;
	VssBackup backup;
	struct hvis_vss_lun luns[HVIS_VSS_LUNS_MAX];
	VssReport report;
	char *message; /* the report's */
	gboolean aborted; /* from outside */
	gint64 since; /* the step under way */
	guint timer;
	VssDone done;
	gpointer data;
} Vss;

const char *vss_step_name(VssStep step)
{
	static const char *const names[VSS_STEP_N] = { "check", "freeze", "hold", "thaw" };

	return names[step];
}

const char *vss_result_name(VssResult result)
{
	static const char *const names[VSS_RESULT_N] = {
		"done",
		"aborted",
		"silent",
		"refused",
		"timeout",
		"gone",
		"failed",
		"impossible",
	};

	return names[result];
}

/* --- transactions --- */

static void vss_post(HostService *s, VssEvent event);

static void append(const VssMessage *message, GByteArray *body)
{
	struct hvis_vss_wire_luns wire;
	gsize len = vss_wire_encode(message, &wire);

	g_byte_array_append(body, (const guint8 *)&wire, (guint)len);
}

static gboolean build_op(guint8 op, IcVersion version, GByteArray *body, GError **error)
{
	VssMessage m = { .op = op };

	if (op >= HVIS_VSS_OP_FREEZE && version.major < HVIS_VSS_FREEZE_MAJOR)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s is of version %u.0, the guest agreed to %u.%u", vss_op_name(op),
			HVIS_VSS_FREEZE_MAJOR, version.major, version.minor);
	append(&m, body);
	return TRUE;
}

static gboolean build_check(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	return build_op(HVIS_VSS_OP_HOT_BACKUP, version, body, error);
}

static gboolean build_list(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	return build_op(HVIS_VSS_OP_GET_DM_INFO, version, body, error);
}

static gboolean build_thaw(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	return build_op(HVIS_VSS_OP_THAW, version, body, error);
}

static gboolean build_freeze(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	const Vss *vss = ((HostService *)data)->self;
	VssMessage m = { .op = HVIS_VSS_OP_FREEZE,
		.backup_type = HVIS_VSS_BACKUP_FULL,
		.n_luns = vss->backup.n_luns };

	if (version.major < HVIS_VSS_FREEZE_MAJOR)
		return build_op(HVIS_VSS_OP_FREEZE, version, body, error);
	memcpy(m.luns, vss->luns, m.n_luns * sizeof(*m.luns));
	append(&m, body);
	return TRUE;
}

static VssResult result_of(const GError *error)
{
	if (hvis_error_is(error, HVIS_ERROR_TIMEOUT))
		return VSS_TIMEOUT;
	return hvis_error_is(error, HVIS_ERROR_CLOSED) ? VSS_GONE : VSS_IMPOSSIBLE;
}

/* The first failure counts: what comes after it is the mending. */
static void fail(Vss *vss, VssResult result, const GError *error)
{
	if (vss->message)
		return;
	vss->report.result = result;
	vss->message = g_strdup(error->message);
}

/* Enter how a step went into the report; TRUE where the guest did it. */
static gboolean judge(HostService *s, VssStep step, guint32 status, const GError *error)
{
	Vss *vss = s->self;
	VssStepReport *report = &vss->report.step[step];
	g_autoptr(GError) refused = NULL;

	report->us = s->clock->now(s->clock) - vss->since;
	report->answered = error == NULL;
	report->status = status;
	if (error)
		fail(vss, result_of(error), error);
	else if (!service_check_status(status, vss_step_name(step), &refused))
		fail(vss, step == VSS_STEP_THAW ? VSS_FAILED : VSS_REFUSED, refused);
	return !error && !refused;
}

/* The host goes no further than @step: it falls silent, or has nothing to undo. */
static gboolean stops_after(Vss *vss, VssStep step)
{
	if (vss->backup.silent_after == step)
		vss->report.result = VSS_SILENT;
	else if (vss->aborted && step == VSS_STEP_CHECK)
		vss->report.result = VSS_ABORTED;
	else
		return FALSE;
	return TRUE;
}

static void on_check(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	Vss *vss = ((HostService *)data)->self;
	VssMessage answer;

	if (!error && vss_wire_decode(body.pos, body.left, &answer, NULL))
		vss->report.check_flags = answer.flags;
	vss_post(data, judge(data, VSS_STEP_CHECK, status, error) ? EV_ANSWERED : EV_FAILED);
}

static void on_last_of(HostService *s, VssStep step, guint32 status, const GError *error)
{
	if (!judge(s, step, status, error))
		vss_post(s, EV_FAILED);
	else
		vss_post(s, stops_after(s->self, step) ? EV_STOP : EV_ANSWERED);
}

static void on_list(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	on_last_of(data, VSS_STEP_CHECK, status, error);
}

static void on_freeze(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	on_last_of(data, VSS_STEP_FREEZE, status, error);
}

static void on_thaw(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	vss_post(data, judge(data, VSS_STEP_THAW, status, error) ? EV_ANSWERED : EV_FAILED);
}

/* Of a THAW that nobody waits for: trace and counters have what came of it. */
static void on_late_thaw(guint32 status, WireCursor body, const GError *error, gpointer data)
{
}

/* --- steps --- */

static void begin(HostService *s, VssStep step)
{
	Vss *vss = s->self;

	vss->report.step[step].taken = TRUE;
	vss->since = s->clock->now(s->clock);
}

static void enter_check(HostService *s)
{
	begin(s, VSS_STEP_CHECK);
	ic_request(s->ic, build_check, on_check, s);
}

static void enter_list(HostService *s)
{
	ic_request(s->ic, build_list, on_list, s);
}

static void enter_freeze(HostService *s)
{
	begin(s, VSS_STEP_FREEZE);
	ic_request(s->ic, build_freeze, on_freeze, s);
}

static void on_held(gpointer data)
{
	((Vss *)((HostService *)data)->self)->timer = 0;
	vss_post(data, EV_HELD);
}

static void enter_frozen(HostService *s)
{
	Vss *vss = s->self;

	begin(s, VSS_STEP_HOLD);
	if (vss->backup.abort || vss->aborted)
		vss_abort(s);
	else
		vss->timer = s->clock->add(s->clock, vss->backup.hold_ms, on_held, s);
}

static void end_hold(HostService *s)
{
	Vss *vss = s->self;

	if (vss->timer)
		s->clock->remove(s->clock, vss->timer);
	vss->timer = 0;
	vss->report.step[VSS_STEP_HOLD].us = s->clock->now(s->clock) - vss->since;
}

static void enter_thaw(HostService *s)
{
	end_hold(s);
	begin(s, VSS_STEP_THAW);
	ic_request(s->ic, build_thaw, on_thaw, s);
}

/* Within the call another backup may begin. */
static void enter_end(HostService *s)
{
	Vss *vss = s->self;
	g_autofree char *message = g_steal_pointer(&vss->message);
	VssReport report = vss->report;

	report.message = message;
	vss->done(&report, vss->data);
}

/* A guest that has not answered in time may freeze yet: it is told that it need not stay so. */
static void enter_not_frozen(HostService *s)
{
	if (((Vss *)s->self)->report.result == VSS_TIMEOUT)
		ic_request(s->ic, build_thaw, on_late_thaw, NULL);
	enter_end(s);
}

static void enter_closed(HostService *s)
{
	g_autoptr(GError) error = NULL;

	end_hold(s);
	hvis_fail(&error, HVIS_ERROR_CLOSED,
		"%s: the service was closed while the guest was frozen", s->class->name);
	fail(s->self, VSS_GONE, error);
	enter_end(s);
}

/* --- state --- */

#define GO(next, enter)                                                                            \
	{                                                                                          \
		next, enter                                                                        \
	}

static const struct {
	VssState next;
	void (*enter)(HostService *s); /* NULL = cannot come: each event is made by its own state */
} step_table[ST_N][EV_N] = {
	[ST_IDLE] = {
		[EV_START] = GO(ST_CHECKING, enter_check),
	},
	[ST_CHECKING] = {
		[EV_ANSWERED] = GO(ST_LISTING, enter_list),
		[EV_FAILED] = GO(ST_IDLE, enter_end),
	},
	[ST_LISTING] = {
		[EV_ANSWERED] = GO(ST_FREEZING, enter_freeze),
		[EV_STOP] = GO(ST_IDLE, enter_end),
		[EV_FAILED] = GO(ST_IDLE, enter_end),
	},
	[ST_FREEZING] = {
		[EV_ANSWERED] = GO(ST_FROZEN, enter_frozen),
		[EV_STOP] = GO(ST_IDLE, enter_end),
		[EV_FAILED] = GO(ST_IDLE, enter_not_frozen),
	},
	[ST_FROZEN] = {
		[EV_HELD] = GO(ST_THAWING, enter_thaw),
		[EV_CLOSED] = GO(ST_IDLE, enter_closed),
	},
	[ST_THAWING] = {
		[EV_ANSWERED] = GO(ST_IDLE, enter_end),
		[EV_FAILED] = GO(ST_IDLE, enter_end),
	},
};

/* The only writer of the state. */
static void vss_post(HostService *s, VssEvent event)
{
	Vss *vss = s->self;
	VssState was = vss->state;

	g_assert(step_table[was][event].enter);
	vss->state = step_table[was][event].next;
	step_table[was][event].enter(s);
}

gboolean vss_backup(
	HostService *s, const VssBackup *backup, VssDone done, gpointer data, GError **error)
{
	Vss *vss = service_self(s, &vss_class);

	if (vss->state != ST_IDLE)
		return hvis_fail(error, HVIS_ERROR_BUSY, "a backup is under way: %s",
			state_name[vss->state]);
	if (backup->n_luns > HVIS_VSS_LUNS_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "%u disks, %u can be", backup->n_luns,
			HVIS_VSS_LUNS_MAX);
	*vss = (Vss){ .backup = *backup, .done = done, .data = data };
	if (backup->n_luns)
		memcpy(vss->luns, backup->luns, backup->n_luns * sizeof(*backup->luns));
	vss_post(s, EV_START);
	return TRUE;
}

void vss_abort(HostService *s)
{
	Vss *vss = service_self(s, &vss_class);

	vss->aborted = TRUE;
	if (vss->state != ST_FROZEN)
		return; /* as soon as the guest has answered */
	vss->report.result = VSS_ABORTED;
	vss_post(s, EV_HELD);
}

/* What is due fails by itself. Nothing is while the guest is held frozen. */
static void vss_state(HostService *s, ServiceState state)
{
	if (((Vss *)s->self)->state == ST_FROZEN && state != SERVICE_READY &&
		state != SERVICE_NEGOTIATING)
		vss_post(s, EV_CLOSED);
}

static void vss_describe(HostService *s, const IcMessage *message, gboolean to_guest, GString *line)
{
	VssMessage m;

	if (!vss_wire_decode(message->body.pos, message->body.left, &m, NULL)) {
		g_string_append(line, "(not valid)");
		return;
	}
	g_string_append(line, vss_op_name(m.op));
	if (m.flags)
		g_string_append_printf(line, " flags 0x%x", m.flags);
	if (m.n_luns)
		g_string_append_printf(line, " disks %u", m.n_luns);
}

static void vss_json(HostService *s, struct json_object *into)
{
	const Vss *vss = s->self;

	json_object_object_add(into, "backup", json_object_new_string(state_name[vss->state]));
}

static const IcVersion versions[] = { { 4, 0 }, { 5, 0 }, { 6, 0 }, { 7, 0 } };

const ServiceClass vss_class = {
	.name = "vss",
	.device = "hv_vss",
	.type = HVIS_IC_VSS,
	.type_guid = HVIS_VSS_TYPE,
	.instance_guid = HVIS_VSS_INSTANCE,
	.versions = versions,
	.n_versions = G_N_ELEMENTS(versions),
	.timeout_ms = HVIS_VSS_HOST_TIMEOUT_MS,
	.size = sizeof(Vss),
	.state = vss_state,
	.describe = vss_describe,
	.json = vss_json,
};
