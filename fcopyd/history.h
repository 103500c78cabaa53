/* SPDX-License-Identifier: GPL-2.0-only */
/* One file that the host copies, what became of it, and that as an entry: of type Transfer of io.hvis.Fcopy. */
#pragma once

#include <glib.h>
#include <json-c/json.h>

typedef enum {
	FCOPY_RESULT_NONE, /* it is under way */
	FCOPY_RESULT_OK,
	FCOPY_RESULT_CANCELLED,
	FCOPY_RESULT_FAILED,
	FCOPY_RESULT_REFUSED, /* it was not begun */
	FCOPY_RESULT_N,
} FcopyResult;

/* Who ended it. */
typedef enum {
	FCOPY_ENDER_NONE,
	FCOPY_ENDER_HOST,
	FCOPY_ENDER_HAND,
	FCOPY_ENDER_DEVICE, /* it was lost */
	FCOPY_ENDER_DAEMON, /* it was stopped */
	FCOPY_ENDER_FAILURE, /* something went wrong */
	FCOPY_ENDER_N,
} FcopyEnder;

typedef struct {
	char *target; /* NULL: no place was found for it */
	char *directory, *name; /* the host's words */
	gboolean overwrite, create_path;
	guint64 size, received, repeated;
	gint64 begin_us, end_us; /* real time; 0: it has not ended */
	FcopyResult result;
	FcopyEnder ender;
	char *message; /* one sentence; NULL: it is under way */
	char sha256[65]; /* "": it is not there */
} FcopyTransfer;

void fcopy_transfer_clear(FcopyTransfer *transfer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FcopyTransfer, fcopy_transfer_clear)

/* "cancelled"; NULL for NONE. */
const char *fcopy_result_word(FcopyResult result);

/* Where it goes, as far as that is known: the target, else what the host says. New. */
char *fcopy_transfer_where(const FcopyTransfer *transfer);

/* "1.0 GiB". New. */
char *fcopy_transfer_size(const FcopyTransfer *transfer);

/* "43 % of 1.0 GiB". New. */
char *fcopy_transfer_progress(const FcopyTransfer *transfer);

/* "1.0 GiB in 12 s" of one that is there. New. */
char *fcopy_transfer_pace(const FcopyTransfer *transfer);

/* New. */
struct json_object *fcopy_transfer_json(const FcopyTransfer *transfer);
