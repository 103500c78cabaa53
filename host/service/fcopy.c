/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A copy as a table of states; fcopy_post() alone writes the state. Each step is a transaction, so one
 * is due in every state but "idle". A guest that has answered START well is told COMPLETE or CANCEL
 * whatever happens, if it can be told at all; one that has refused START is told nothing more, for it has
 * begun nothing, and whatever is there under that name is not of this copy.
 *
 * The file is read in the main loop, some fragments at a time. The digest of a fragment is made while the
 * guest works on it.
 */
#include "host/service/fcopy.h"
#include <errno.h>
#include <fcntl.h>
#include <hvis/hresult.h>
#include <hvis/services.h>
#include <sys/stat.h>
#include <unistd.h>
#include <util/error.h>
#include <util/fd.h>
#include <wire/fcopy.h>
#include "host/service/class.h"

#define READ_AHEAD                                                                                 \
	(32u * HVIS_FCOPY_FRAGMENT) /* ours: little enough not to hold up the other services */

typedef enum {
	ST_IDLE,
	ST_STARTING,
	ST_WRITING,
	ST_COMPLETING,
	ST_CANCELLING,
	ST_N,
} FcopyState;

static const char *const state_name[ST_N] = {
	"idle",
	"starting",
	"writing",
	"completing",
	"cancelling",
};

typedef enum {
	EV_START,
	EV_WRITE, /* there is more of the file */
	EV_COMPLETE, /* there is none */
	EV_CANCEL,
	EV_END,
	EV_N,
} FcopyEvent;

typedef struct {
	FcopyState state;
	int fd;
	char *name, *path;
	guint32 flags;
	guint64 cancel_after;
	gboolean cancelled; /* from outside */
	guint8 *buffer;
	gsize have, used; /* bytes in it; of them, sent or being sent */
	gsize due; /* bytes of the fragment under way, which end at ->used */
	gsize to_digest; /* as due, until they are in the digest */
	GChecksum *digest;
	FcopyReport report;
	char *message; /* the report's */
	gint64 since;
	FcopyProgress progress;
	FcopyDone done;
	gpointer data;
} Fcopy;

const char *fcopy_result_name(FcopyResult result)
{
	static const char *const names[FCOPY_RESULT_N] = {
		"done",
		"cancelled",
		"refused",
		"failed",
		"source",
		"timeout",
		"gone",
		"impossible",
	};

	return names[result];
}

static void fcopy_post(HostService *s, FcopyEvent event);

/* --- the file --- */

static gboolean fill(Fcopy *f, GError **error)
{
	guint64 left = f->report.size - f->report.sent;
	gsize want = (gsize)MIN(left, READ_AHEAD);
	gssize n;

	do {
		n = pread(f->fd, f->buffer, want, (off_t)f->report.sent);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return hvis_fail_errno(
			error, errno, "read the file at %" G_GUINT64_FORMAT, f->report.sent);
	if (n == 0)
		return hvis_fail(error, HVIS_ERROR_IO,
			"the file has become shorter: it had %" G_GUINT64_FORMAT
			" bytes, and ends at %" G_GUINT64_FORMAT,
			f->report.size, f->report.sent);
	f->have = (gsize)n;
	f->used = 0;
	return TRUE;
}

/* Take the next fragment of what was read, as whole as the file has it. */
static gboolean next_fragment(Fcopy *f, GError **error)
{
	guint64 left = f->report.size - f->report.sent;
	gsize whole = (gsize)MIN(left, HVIS_FCOPY_FRAGMENT);

	if (f->have - f->used < whole && !fill(f, error))
		return FALSE;
	f->due = MIN(whole, f->have - f->used);
	f->used += f->due;
	f->to_digest = f->due;
	return TRUE;
}

static void digest(Fcopy *f)
{
	if (f->to_digest)
		g_checksum_update(
			f->digest, f->buffer + f->used - f->to_digest, (gssize)f->to_digest);
	f->to_digest = 0;
}

/* --- how it goes --- */

/* The first failure counts: what comes after it is the mending. */
static void fail(Fcopy *f, FcopyResult result, enum hvis_fcopy_op op, const char *message)
{
	if (f->message)
		return;
	f->report.result = result;
	f->report.op = op;
	f->message = g_strdup(message);
}

static FcopyResult result_of(const GError *error)
{
	if (hvis_error_is(error, HVIS_ERROR_TIMEOUT))
		return FCOPY_TIMEOUT;
	return hvis_error_is(error, HVIS_ERROR_CLOSED) ? FCOPY_GONE : FCOPY_IMPOSSIBLE;
}

/* TRUE where the guest did what it was asked for; else what comes next is in *@ret. */
static gboolean judge(
	HostService *s, enum hvis_fcopy_op op, guint32 status, const GError *error, FcopyEvent *ret)
{
	Fcopy *f = s->self;
	g_autoptr(GError) refused = NULL;

	f->report.us = s->clock->now(s->clock) - f->since;
	if (error) {
		fail(f, result_of(error), op, error->message);
		*ret = f->report.result == FCOPY_TIMEOUT || (f->report.result == FCOPY_IMPOSSIBLE &&
								    op != HVIS_FCOPY_OP_START)
			       ? EV_CANCEL
			       : EV_END;
		return FALSE;
	}
	if (service_check_status(status, fcopy_op_name(op), &refused))
		return TRUE;
	fail(f, op == HVIS_FCOPY_OP_START ? FCOPY_REFUSED : FCOPY_FAILED, op, refused->message);
	f->report.status = status;
	*ret = op == HVIS_FCOPY_OP_START ? EV_END : EV_CANCEL;
	return FALSE;
}

/* Where a guest that has done all so far is led: the next fragment is ready where it is EV_WRITE. */
static FcopyEvent lead_on(Fcopy *f)
{
	g_autoptr(GError) error = NULL;

	if (f->progress)
		f->progress(f->report.sent, f->report.size, f->data);
	if (f->cancelled || f->report.sent >= f->cancel_after) {
		f->report.result = FCOPY_CANCELLED;
		return EV_CANCEL;
	}
	if (f->report.sent == f->report.size)
		return EV_COMPLETE;
	if (next_fragment(f, &error))
		return EV_WRITE;
	fail(f, FCOPY_SOURCE, HVIS_FCOPY_OP_WRITE, error->message);
	return EV_CANCEL;
}

/* --- transactions --- */

static gboolean build_start(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	const Fcopy *f = ((HostService *)data)->self;
	FcopyRequest request = {
		.op = HVIS_FCOPY_OP_START,
		.name = f->name,
		.path = f->path,
		.flags = f->flags,
		.size = f->report.size,
	};

	return fcopy_request_encode(&request, FCOPY_TEXT_UTF16, body, error);
}

static gboolean build_write(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	const Fcopy *f = ((HostService *)data)->self;
	FcopyRequest request = {
		.op = HVIS_FCOPY_OP_WRITE,
		.offset = f->report.sent,
		.len = (guint32)f->due,
		.data = f->buffer + f->used - f->due,
	};

	return fcopy_request_encode(&request, FCOPY_TEXT_UTF16, body, error);
}

static gboolean build_bare(enum hvis_fcopy_op op, GByteArray *body, GError **error)
{
	FcopyRequest request = { .op = op };

	return fcopy_request_encode(&request, FCOPY_TEXT_UTF16, body, error);
}

static gboolean build_complete(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	return build_bare(HVIS_FCOPY_OP_COMPLETE, body, error);
}

static gboolean build_cancel(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	return build_bare(HVIS_FCOPY_OP_CANCEL, body, error);
}

static void on_start(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	FcopyEvent next;

	if (judge(data, HVIS_FCOPY_OP_START, status, error, &next))
		next = lead_on(((HostService *)data)->self);
	fcopy_post(data, next);
}

static void on_write(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	Fcopy *f = ((HostService *)data)->self;
	FcopyEvent next;

	digest(f);
	if (judge(data, HVIS_FCOPY_OP_WRITE, status, error, &next)) {
		f->report.sent += f->due;
		f->report.fragments++;
		next = lead_on(f);
	}
	fcopy_post(data, next);
}

static void on_complete(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	FcopyEvent next = EV_END;

	judge(data, HVIS_FCOPY_OP_COMPLETE, status, error, &next);
	fcopy_post(data, next);
}

static void on_cancel(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	Fcopy *f = ((HostService *)data)->self;

	f->report.cancel_done = !error && status == HVIS_S_OK;
	fcopy_post(data, EV_END);
}

/* --- steps --- */

static void enter_start(HostService *s)
{
	Fcopy *f = s->self;

	f->since = s->clock->now(s->clock);
	ic_request(s->ic, build_start, on_start, s);
}

/* A bus may answer before it returns; the digest is in order all the same. */
static void enter_write(HostService *s)
{
	ic_request(s->ic, build_write, on_write, s);
	digest(s->self);
}

static void enter_complete(HostService *s)
{
	ic_request(s->ic, build_complete, on_complete, s);
}

static void enter_cancel(HostService *s)
{
	((Fcopy *)s->self)->report.cancel_sent = TRUE;
	ic_request(s->ic, build_cancel, on_cancel, s);
}

/* Within the call another copy may begin. */
static void enter_end(HostService *s)
{
	Fcopy *f = s->self;
	g_autofree char *message = g_steal_pointer(&f->message);
	g_autoptr(GChecksum) sum = g_steal_pointer(&f->digest);
	FcopyReport report = f->report;

	report.message = message;
	report.sha256 = report.result == FCOPY_DONE ? g_checksum_get_string(sum) : NULL;
	f->to_digest = 0;
	hvis_fd_clear(&f->fd);
	g_clear_pointer(&f->name, g_free);
	g_clear_pointer(&f->path, g_free);
	g_clear_pointer(&f->buffer, g_free);
	f->done(&report, f->data);
}

/* --- state --- */

#define GO(next, enter)                                                                            \
	{                                                                                          \
		next, enter                                                                        \
	}

static const struct {
	FcopyState next;
	void (*enter)(HostService *s); /* NULL = cannot come: each event is made by its own state */
} step_table[ST_N][EV_N] = {
	[ST_IDLE] = {
		[EV_START] = GO(ST_STARTING, enter_start),
	},
	[ST_STARTING] = {
		[EV_WRITE] = GO(ST_WRITING, enter_write),
		[EV_COMPLETE] = GO(ST_COMPLETING, enter_complete),
		[EV_CANCEL] = GO(ST_CANCELLING, enter_cancel),
		[EV_END] = GO(ST_IDLE, enter_end),
	},
	[ST_WRITING] = {
		[EV_WRITE] = GO(ST_WRITING, enter_write),
		[EV_COMPLETE] = GO(ST_COMPLETING, enter_complete),
		[EV_CANCEL] = GO(ST_CANCELLING, enter_cancel),
		[EV_END] = GO(ST_IDLE, enter_end),
	},
	[ST_COMPLETING] = {
		[EV_CANCEL] = GO(ST_CANCELLING, enter_cancel),
		[EV_END] = GO(ST_IDLE, enter_end),
	},
	[ST_CANCELLING] = {
		[EV_END] = GO(ST_IDLE, enter_end),
	},
};

/* The only writer of the state. */
static void fcopy_post(HostService *s, FcopyEvent event)
{
	Fcopy *f = s->self;
	FcopyState was = f->state;

	g_assert(step_table[was][event].enter);
	f->state = step_table[was][event].next;
	step_table[was][event].enter(s);
}

/* The file's size, and a descriptor of our own. */
static gboolean take_file(int fd, int *ret_fd, guint64 *ret_size, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return hvis_fail_errno(error, errno, "look at the file");
	if (!S_ISREG(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s, not a regular file",
			S_ISDIR(st.st_mode) ? "a directory" : "something else");
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (*ret_fd < 0)
		return hvis_fail_errno(error, errno, "keep the file");
	*ret_size = (guint64)st.st_size;
	return TRUE;
}

gboolean fcopy_copy(HostService *s, const FcopyJob *job, FcopyProgress progress, FcopyDone done,
	gpointer data, GError **error)
{
	Fcopy *f = service_self(s, &fcopy_class);
	guint64 size = 0;
	int fd = -1;

	if (f->state != ST_IDLE)
		return hvis_fail(error, HVIS_ERROR_BUSY, "a copy is under way: %s%s",
			state_name[f->state],
			f->cancelled
				? "; it was given up, and ends with the guest's next answer, or "
				  "when the time for that is over"
				: "");
	if (!take_file(job->fd, &fd, &size, error))
		return FALSE;
	*f = (Fcopy){
		.fd = fd,
		.name = g_strdup(job->name),
		.path = g_strconcat(job->path, g_str_has_suffix(job->path, "/") ? NULL : "/", NULL),
		.flags = job->flags,
		.cancel_after = job->cancel_after,
		.buffer = g_malloc(READ_AHEAD),
		.digest = g_checksum_new(G_CHECKSUM_SHA256),
		.report = { .op = HVIS_FCOPY_OP_N, .size = size },
		.progress = progress,
		.done = done,
		.data = data,
	};
	fcopy_post(s, EV_START);
	return TRUE;
}

void fcopy_cancel(HostService *s)
{
	Fcopy *f = service_self(s, &fcopy_class);

	f->cancelled = TRUE; /* looked at with the next answer; a copy that begins forgets it */
}

/* --- what the registry asks --- */

static void fcopy_describe(
	HostService *s, const IcMessage *message, gboolean to_guest, GString *line)
{
	g_auto(FcopyRequest) r = { 0 };

	if (!fcopy_request_decode(
		    message->body.pos, message->body.left, FCOPY_TEXT_UTF16, &r, NULL)) {
		g_string_append(line, "(not valid)");
		return;
	}
	g_string_append(line, fcopy_op_name(r.op));
	if (r.op == HVIS_FCOPY_OP_START) {
		g_string_append(line, " \"");
		ic_text_append(line, r.name);
		g_string_append(line, "\" into \"");
		ic_text_append(line, r.path);
		g_string_append_printf(
			line, "\" flags 0x%x, %" G_GUINT64_FORMAT " bytes", r.flags, r.size);
	} else if (r.op == HVIS_FCOPY_OP_WRITE) {
		g_string_append_printf(line, " %u at %" G_GUINT64_FORMAT, r.len, r.offset);
	}
}

static void fcopy_json(HostService *s, struct json_object *into)
{
	const Fcopy *f = s->self;

	json_object_object_add(into, "copy", json_object_new_string(state_name[f->state]));
}

static const IcVersion versions[] = { { 1, 1 } };

const ServiceClass fcopy_class = {
	.name = "fcopy",
	.device = "hv_fcopy",
	.type = HVIS_IC_FCOPY,
	.type_guid = HVIS_FCOPY_TYPE,
	.instance_guid = HVIS_FCOPY_INSTANCE,
	.versions = versions,
	.n_versions = G_N_ELEMENTS(versions),
	.unnumbered = TRUE,
	.size = sizeof(Fcopy),
	.describe = fcopy_describe,
	.json = fcopy_json,
};
