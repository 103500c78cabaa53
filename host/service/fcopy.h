/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File copy, host end: a file of the host's goes to the guest in fragments, each of which the guest
 * answers before the next. Takes the "fcopy" service of the registry. Whose file it is, and whether
 * the caller may read it, is settled by who opens it.
 */
#pragma once

#include <hvis/fcopy.h>
#include "host/service/service.h"

typedef enum {
	FCOPY_DONE,
	FCOPY_CANCELLED, /* because that was wanted */
	FCOPY_REFUSED, /* the guest's answer to START is a failure: nothing was begun */
	FCOPY_FAILED, /* its answer to WRITE or COMPLETE is one */
	FCOPY_SOURCE, /* the file cannot be read, or has become shorter */
	FCOPY_TIMEOUT, /* no answer in time */
	FCOPY_GONE, /* the service is not open, or was closed meanwhile */
	FCOPY_IMPOSSIBLE, /* nothing could be sent: a name that is too long, a guest that takes no version */
	FCOPY_RESULT_N,
} FcopyResult;

const char *fcopy_result_name(FcopyResult result); /* "refused" */

typedef struct {
	int fd; /* of a regular file, read from its beginning */
	const char *name; /* as the guest is to call it */
	const char *path; /* of the directory there; "/" is added where it does not end so */
	guint32 flags; /* HVIS_FCOPY_OVERWRITE, HVIS_FCOPY_CREATE_PATH */
	guint64 cancel_after; /* bytes that the guest has taken; G_MAXUINT64 = never */
} FcopyJob;

typedef struct {
	FcopyResult result;
	const char *message; /* what went wrong; NULL where nothing did */
	enum hvis_fcopy_op op; /* what it went wrong with; HVIS_FCOPY_OP_N = nothing */
	guint32 status; /* of the guest's answer to that; HVIS_S_OK where there is none */
	guint64 size, sent; /* bytes of the file; of them, what the guest has answered for */
	guint64 fragments;
	gint64 us; /* from START to the last answer */
	gboolean cancel_sent; /* the guest was told CANCEL, and … */
	gboolean cancel_done; /* … has answered that it did */
	const char *sha256; /* of what was sent; NULL unless done */
} FcopyReport;

/* After every answer that leads on: @sent of @size bytes are with the guest. */
typedef void (*FcopyProgress)(guint64 sent, guint64 size, gpointer data);
/* Called exactly once; @report lives until it returns. */
typedef void (*FcopyDone)(const FcopyReport *report, gpointer data);

/*
 * Begin to copy. @job's strings are copied, and its descriptor is duplicated. FALSE and no call of @done:
 * HVIS_ERROR_BUSY where a copy is under way, HVIS_ERROR_INVALID where the descriptor is no regular
 * file's. @progress may be NULL.
 */
gboolean fcopy_copy(HostService *fcopy, const FcopyJob *job, FcopyProgress progress, FcopyDone done,
	gpointer data, GError **error);

/* Go no further than the answer that is due: the guest is told CANCEL. No harm where nothing is copied. */
void fcopy_cancel(HostService *fcopy);
