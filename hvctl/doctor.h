/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "hvctl doctor": why something does not work. A table of checks, each a function that looks at one thing and
 * says what it finds; each thing that may be found has an id that stays, a severity, and what to do about it.
 *
 * A check reads the machine below a root directory and runs programs with a time limit; it changes nothing, opens no
 * device, and touches no file system in a way that waits where that is frozen. What only root may see is
 * DOCTOR_UNKNOWN to others.
 */
#pragma once

#include <json-c/json.h>

#include "hvctl/diagnose.h"
#include "util/confidential.h"
#include "util/error.h"

typedef enum {
	DOCTOR_OK,
	DOCTOR_NOTE, /* to know; nothing is wrong */
	DOCTOR_UNKNOWN, /* cannot be known by this user, or in this time */
	DOCTOR_WARNING, /* works, but not well, or not for long */
	DOCTOR_PROBLEM, /* does not work */
	DOCTOR_N,
} DoctorSeverity;

typedef struct {
	const char *word; /* its id is CHECK.WORD; NULL ends the table */
	DoctorSeverity severity;
} DoctorKind;

typedef struct Doctor Doctor;

typedef struct {
	const char *name; /* "vmbus" */
	const char *area; /* "The bus": checks of one area stand together */
	const char *summary;
	void (*run)(Doctor *doctor);
	const DoctorKind *kinds;
} DoctorCheck;

/* In the order in which they are run. The first says whether there is a patient at all. */
extern const DoctorCheck doctor_checks[]; /* a NULL name ends it */

struct Doctor {
	const char *
		root; /* "" for the running system; else processor and programs are of this tree, too */
	gboolean is_root; /* may see what only root may */
	struct json_object *findings; /* in the order of saying */
	guint counts[DOCTOR_N];
	gboolean ended; /* nothing further makes sense */

	const DoctorCheck *check; /* that is being run */
	GHashTable *units, *outputs, *answers; /* what was asked, each once */
	GHashTable *hung; /* programs that did not end in time */
};

/* For root or not, as this process is. */
void doctor_init(Doctor *doctor, const char *root);
void doctor_deinit(Doctor *doctor);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Doctor, doctor_deinit)

/* The check called @name, or NULL. */
const DoctorCheck *doctor_find(const char *name);

/* Run @check, unless it ended before. */
void doctor_run(Doctor *doctor, const DoctorCheck *check);

/*
 * A finding of the check that runs: @word is one of its kinds, @about the service or file that it is about (NULL: the
 * machine), @todo a command or a sentence (NULL: nothing).
 */
void doctor_say(Doctor *doctor, const char *word, const char *about, const char *todo,
	const char *format, ...) G_GNUC_PRINTF(5, 6);

/* --- what the machine shows (doctor-look.c) --- */

/* @format below the root, new. */
char *doctor_path(const Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
gboolean doctor_exists(const Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The file's content without blanks around it, new; NULL where it cannot be read. */
char *doctor_read(const Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The last component of what a link leads to, new; NULL where it is none. */
char *doctor_link(const Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);

HvisCpuid doctor_cpuid(guint32 leaf, guint32 sub, gpointer doctor);
HvisIsolation doctor_isolation(Doctor *doctor);
gboolean doctor_on_azure(const Doctor *doctor);

/* "6.1.0-56-amd64", new; and whether it is at least @major.@minor (unknown ones are). */
char *doctor_release(const Doctor *doctor);
gboolean doctor_kernel_is(const Doctor *doctor, guint major, guint minor);

/* The folder of the device of @class in sysfs, below the root, new; NULL where the host does not offer it. */
char *doctor_offer(const Doctor *doctor, const char *class);

/* Whether the kernel could load module @name, or has it built in. */
gboolean doctor_has_module(const Doctor *doctor, const char *name);

/* --- what programs say (doctor-ask.c) --- */

/*
 * The output of @line, words with one blank between; borrowed. NULL where there is no such program, or it does not end
 * in time. Asked once.
 */
const char *doctor_output(Doctor *doctor, const char *line);

/* Property @name of systemd unit @unit, borrowed; "" where it has none or there is no systemd. */
const char *doctor_unit(Doctor *doctor, const char *unit, const char *name);
/* Ask for all of @units (NULL-terminated) at once, which is quicker. */
void doctor_ask_units(Doctor *doctor, const char *const *units);
gboolean doctor_has_systemd(const Doctor *doctor);
