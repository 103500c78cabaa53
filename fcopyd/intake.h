/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of one file from memory to the disk: a queue, and a thread that makes the file (file.h), writes it, brings
 * it to the disk and gives it its name. Who sends does not wait for the disk as long as there is room in the queue.
 *
 * The thread may be stuck for ever, in a file server that is dead: nobody ever waits for it. Who begins another
 * file meanwhile gives that one a thread of its own.
 */
#pragma once

#include "fcopyd/file.h"

/* A piece is written at once; ours: a multiple of a fragment of the wire and of a page. */
#define FCOPY_INTAKE_PIECE (21u * 12288u)
#define FCOPY_INTAKE_PIECES 16u /* ours: some 4 MiB that are not written yet, at most */

/* What files stand on, shared by all intakes that began on it. */
typedef struct FcopyGround FcopyGround;

/* Takes @root, an open directory that stands for "/", and @policy. */
FcopyGround *fcopy_ground_new(int root, FcopyPolicy *policy);
FcopyGround *fcopy_ground_ref(FcopyGround *ground);
void fcopy_ground_unref(FcopyGround *ground); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcopyGround, fcopy_ground_unref)
const FcopyPolicy *fcopy_ground_policy(const FcopyGround *ground);

typedef struct FcopyIntake FcopyIntake;

/*
 * From the default main context, never from within a call. The end is either finished() or dropped(), once; only
 * opened(), room() and broken() may come before it.
 */
typedef struct {
	/* The place is made: @target. It may be written to. */
	void (*opened)(FcopyIntake *intake, const char *target, gpointer data);
	/* What had to wait is in the queue. */
	void (*room)(FcopyIntake *intake, gpointer data);
	/* It cannot go on, nor begin. dropped() is next. */
	void (*broken)(FcopyIntake *intake, const GError *error, gpointer data);
	/* The file is on the disk, whole, under its name, also where cancel() came too late. */
	void (*finished)(FcopyIntake *intake, const FcopySum *sum, gpointer data);
	/* Nothing is left of it. */
	void (*dropped)(FcopyIntake *intake, gpointer data);
} FcopyIntakeOps;

/* Begin. What @wanted points to is copied. NULL where no thread can be had. */
FcopyIntake *fcopy_intake_new(FcopyGround *ground, const FcopyWanted *wanted,
	const FcopyIntakeOps *ops, gpointer data, GError **error);

/* Nobody is told anything any more, and what is not finished yet is dropped, sooner or later. NULL is fine. */
void fcopy_intake_free(FcopyIntake *intake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcopyIntake, fcopy_intake_free)

/*
 * @len bytes, a fragment of the wire at most, are to be at @offset. TRUE: they are in the queue. FALSE: they have been
 * copied and wait for room(), until which nothing more may be written. After opened() only.
 */
gboolean fcopy_intake_write(FcopyIntake *intake, guint64 offset, const void *data, gsize len);

/* That was all: finished() or broken() tells. Not while something waits for room. */
void fcopy_intake_finish(FcopyIntake *intake);

/* It is not wanted any more: dropped() tells, or, where its name has been given meanwhile, finished(). */
void fcopy_intake_cancel(FcopyIntake *intake);

/* Where it is to be, once opened() was told; NULL before. Borrowed. */
const char *fcopy_intake_target(const FcopyIntake *intake);

/* Bytes that have been taken and are not written yet; that are written, what came twice once. */
guint64 fcopy_intake_queued(FcopyIntake *intake);
guint64 fcopy_intake_written(FcopyIntake *intake);
